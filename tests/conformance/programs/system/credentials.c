/* Users, groups and capabilities: what dropping them does to the numbers, the sets, kill, files of others, execve. */
#include "conform.h"
#include <grp.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <linux/capability.h>
struct caps {
    struct __user_cap_header_struct h;
    struct __user_cap_data_struct d[2];
};
static int get(struct caps *c)
{
    c->h.version = _LINUX_CAPABILITY_VERSION_3;
    c->h.pid = 0;
    return syscall(SYS_capget, &c->h, c->d);
}
static int set(struct caps *c)
{
    c->h.version = _LINUX_CAPABILITY_VERSION_3;
    c->h.pid = 0;
    return syscall(SYS_capset, &c->h, c->d);
}
#define ALL(c, f) ((c).d[0].f & ~(1u << 24)) /* this host may have dropped CAP_SYS_RESOURCE */
static void show(const char *what)
{
    uid_t r, e, s;
    gid_t a, b, d;
    struct caps c;
    syscall(SYS_getresuid, &r, &e, &s);
    syscall(SYS_getresgid, &a, &b, &d);
    get(&c);
    printf("%s: uid %d %d %d fs %d gid %d %d %d fs %d eff %x %x perm %x inh %x dumpable %d\n", what, r, e, s,
           setfsuid(-1), a, b, d, setfsgid(-1), ALL(c, effective), c.d[1].effective, ALL(c, permitted),
           c.d[0].inheritable, prctl(PR_GET_DUMPABLE));
}
#define IN_CHILD(...)                                                                                        \
    do {                                                                                                     \
        fflush(stdout);                                                                                      \
        pid_t p_ = fork();                                                                                   \
        if (!p_) {                                                                                           \
            __VA_ARGS__;                                                                                     \
            fflush(stdout);                                                                                  \
            _exit(0);                                                                                        \
        }                                                                                                    \
        int st_;                                                                                             \
        waitpid(p_, &st_, 0);                                                                                \
        if (st_)                                                                                             \
            printf("status %x\n", st_);                                                                      \
    } while (0)
static volatile int from;
static void on(int s, siginfo_t *i, void *u) { from = i->si_uid; }
int main(int argc, char **argv)
{
    if (argc > 1) {
        printf("after exec %lu %lu %lu %lu secure %lu ambient %d\n", getauxval(AT_UID), getauxval(AT_EUID),
               getauxval(AT_GID), getauxval(AT_EGID), getauxval(AT_SECURE),
               prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_RAW, 0, 0));
        show("exec");
        return 0;
    }
    setpriority(PRIO_PROCESS, 0, 0); // whatever its parent has
    gid_t groups[5] = {9, 7, 8}, back[5];
    struct caps c;
    char page[8];
    int id, shm;
    char self[40];
    int own = open("/proc/self/exe", O_RDONLY), there = open("copy", O_RDWR | O_CREAT, 0755), n;
    char piece[4096]; /* other users may not reach the program */
    while ((n = read(own, piece, sizeof piece)) > 0)
        write(there, piece, n);
    close(there), chmod(".", 0755), strcpy(self, "./copy"); /* not even the root of the tree, on some hosts */
    show("root");
    SHOW(setgroups(3, groups));
    SHOW(getgroups(0, 0));
    SHOW(getgroups(2, back));
    SHOW(getgroups(5, back));
    printf("%d %d %d\n", back[0], back[1], back[2]);
    SHOW(setgroups(65537, groups));
    SHOW(setgroups(2, (void *)8));
    SHOW(getgroups(3, (void *)8));
    SHOW(setgroups(0, 0));
    SHOW(getgroups(5, back));
    id = semget(IPC_PRIVATE, 1, 0640);
    shm = shmget(IPC_PRIVATE, 4096, 0604);
    IN_CHILD(SHOW(setuid(1000)); show("setuid"); SHOW(setuid(0)); SHOW(setuid(1000)); SHOW(setgid(5));
             SHOW(setgroups(0, 0)); SHOW(setresuid(0, -1, -1)); SHOW(setreuid(1000, 1000));
             SHOW(kill(getppid(), 0)); SHOW(kill(getppid(), SIGUSR1)); SHOW(kill(getpid(), 0));
             SHOW(syscall(SYS_tgkill, getppid(), getppid(), 0)); SHOW(prctl(PR_CAPBSET_DROP, 5));
             SHOW(semctl(id, 0, GETVAL)); SHOW(semctl(id, 0, IPC_RMID));
             SHOW(shmat(shm, 0, 0) == (void *)-1 ? -1 : 0);
             SHOW(shmat(shm, 0, SHM_RDONLY) == (void *)-1 ? -1 : 0); SHOW(shmctl(shm, IPC_RMID, 0));
             struct iovec a = {page, 8}, b = {page, 8}; SHOW(process_vm_readv(getppid(), &a, 1, &b, 1, 0));
             SHOW(getpriority(PRIO_PROCESS, getppid())););
    IN_CHILD(SHOW(seteuid(1000)); show("seteuid"); SHOW(seteuid(0)); show("back"));
    IN_CHILD(SHOW(setresuid(1, 2, 3)); show("three"); SHOW(setresuid(3, 1, 2)); show("turned");
             SHOW(setresuid(4, -1, -1)); SHOW(setuid(3)); show("own"); SHOW(setreuid(-1, 2)); show("saved"));
    IN_CHILD(SHOW(setreuid(1, 2)); show("re"); SHOW(setreuid(2, 1)); show("swapped"); SHOW(setreuid(0, -1));
             SHOW(setreuid(-1, 0)));
    IN_CHILD(SHOW(setregid(11, 12)); SHOW(setgid(13)); show("gids"); SHOW(setresgid(-1, 14, 15));
             show("gid three"); SHOW(setuid(1000)); SHOW(setgid(13)); SHOW(setgid(15));
             SHOW(setregid(15, -1)); SHOW(setgid(99)); show("gids dropped"));
    IN_CHILD(SHOW(setfsuid(1000)); show("fsuid"); SHOW(setfsuid(0)); show("fsuid back"); SHOW(setfsgid(33));
             SHOW(setfsgid(-1)); setuid(5); SHOW(setfsuid(6)); SHOW(setfsuid(-1)));
    IN_CHILD(SHOW(prctl(PR_SET_KEEPCAPS, 1)); SHOW(setuid(1000)); show("kept"); get(&c);
             c.d[0].effective = c.d[0].permitted & (1 << CAP_KILL | 1 << CAP_SETUID); SHOW(set(&c));
             show("some"); SHOW(kill(getppid(), 0)); SHOW(setuid(7)); c.d[0].permitted &= ~(1 << CAP_KILL);
             SHOW(set(&c)); c.d[0].effective &= ~(1 << CAP_KILL); SHOW(set(&c));
             c.d[0].permitted |= 1 << CAP_KILL; SHOW(set(&c)); SHOW(kill(getppid(), 0)));
    IN_CHILD(get(&c); c.d[0].inheritable = 1 << CAP_NET_RAW; SHOW(set(&c));
             SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
             SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0));
             SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_RAW, 0, 0)); prctl(PR_SET_KEEPCAPS, 1);
             setuid(1000); SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_RAW, 0, 0));
             SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0)); fflush(stdout);
             prctl(PR_SET_DUMPABLE, 1); execl(self, "x", "1", 0); puts(errno_name(errno)));
    IN_CHILD(setuid(1000); fflush(stdout); prctl(PR_SET_DUMPABLE, 1); execl(self, "x", "1", 0);
             puts(errno_name(errno)));
    IN_CHILD(setresuid(0, 1000, 1000); fflush(stdout); prctl(PR_SET_DUMPABLE, 1); execl(self, "x", "1", 0);
             puts(errno_name(errno)));
    IN_CHILD(SHOW(prctl(PR_CAPBSET_DROP, CAP_KILL)); fflush(stdout); prctl(PR_SET_DUMPABLE, 1);
             execl(self, "x", "1", 0); puts(errno_name(errno)));
    struct __user_cap_header_struct h = {0, 0};
    SHOW(syscall(SYS_capget, &h, c.d));
    printf("%x\n", h.version);
    h.version = 7;
    SHOW(syscall(SYS_capget, &h, 0));
    SHOW(syscall(SYS_capget, 8, c.d));
    h.pid = 99999;
    SHOW(syscall(SYS_capget, &h, c.d));
    h.pid = -1;
    SHOW(syscall(SYS_capget, &h, c.d));
    h.pid = getpid() + 1;
    SHOW(syscall(SYS_capset, &h, c.d));
    h.version = 0x19980330;
    h.pid = 0;
    SHOW(syscall(SYS_capget, &h, c.d));
    h.version = 9;
    SHOW(syscall(SYS_capset, &h, c.d));
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &sa, 0);
    IN_CHILD(setresuid(1000, 0, 0); kill(getppid(), SIGUSR1));
    printf("from %d\n", from);
    fflush(stdout);
    pid_t p = fork();
    if (!p) {
        setuid(1000);
        _exit(3);
    }
    siginfo_t si;
    waitid(P_PID, p, &si, WEXITED);
    printf("child of %d\n", si.si_uid);
    p = fork();
    if (!p) {
        setuid(1000);
        pause();
        _exit(0);
    }
    usleep(20000);
    IN_CHILD(setuid(1000); SHOW(kill(p, 0)); SHOW(kill(-1, 0)); struct iovec a = {page, 8};
             struct iovec b = {page, 8}; SHOW(process_vm_readv(p, &a, 1, &b, 1, 0)));
    IN_CHILD(setuid(2000); SHOW(kill(p, 0)); SHOW(kill(p, SIGCONT)); SHOW(kill(0, 0)); SHOW(kill(99999, 0)));
    kill(p, SIGKILL);
    wait(0);
    SHOW(semctl(id, 0, IPC_RMID));
    SHOW(shmctl(shm, IPC_RMID, 0));
    return 0;
}
