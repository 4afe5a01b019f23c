/* What a user without capabilities may not do, and what unshare takes; sticky timeouts; polling /proc/mounts.
   needs: root */
#include "conform.h"
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

static void *one_thread(void *unused)
{
    SHOW(unshare(CLONE_THREAD)), SHOW(unshare(CLONE_VM)), SHOW(unshare(CLONE_SIGHAND)), SHOW(unshare(CLONE_SYSVSEM));
    return NULL;
}

static void *child(void *unused)
{
    return NULL;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    SHOW(unshare(0)), SHOW(unshare(CLONE_FS | CLONE_SYSVSEM | CLONE_FILES | CLONE_VM | CLONE_THREAD | CLONE_SIGHAND));
    SHOW(unshare(CLONE_PARENT)), SHOW(unshare(1));
    pthread_t thread;
    pthread_create(&thread, NULL, one_thread, NULL), pthread_join(thread, NULL);
    int mounts = MUST(open("/proc/self/mounts", O_RDONLY));
    struct pollfd p = {mounts, POLLIN | POLLPRI};
    SHOW(poll(&p, 1, 0));
    printf("%x\n", p.revents);
    mkdir("/tmp/pffemu-refusals", 0755);
    if (!fork()) {
        MUST(mount("none", "/tmp/pffemu-refusals", "tmpfs", 0, NULL)), MUST(umount("/tmp/pffemu-refusals"));
        _exit(0);
    }
    wait(NULL);
    SHOW(poll(&p, 1, 0));
    printf("%x\n", p.revents);
    SHOW(poll(&p, 1, 0));
    printf("%x\n", p.revents);
    rmdir("/tmp/pffemu-refusals");
    personality(STICKY_TIMEOUTS);
    struct timeval tv = {0, 1000};
    syscall(SYS_select, 0, NULL, NULL, NULL, &tv);
    printf("sticky: %ld\n", tv.tv_usec);
    personality(0);
    syscall(SYS_select, 0, NULL, NULL, NULL, &tv);
    printf("not: %ld\n", tv.tv_usec);

    pid_t of_root = fork();
    if (!of_root) {
        pause();
        _exit(0);
    }
    struct rlimit none = {0, 0};
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGRTMIN), sigaddset(&set, SIGUSR1), sigprocmask(SIG_BLOCK, &set, NULL);
    setrlimit(RLIMIT_SIGPENDING, &none);
    SHOW(syscall(SYS_tgkill, getpid(), gettid(), SIGRTMIN)), SHOW(syscall(SYS_tkill, gettid(), SIGRTMIN));
    SHOW(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1)), SHOW(kill(getpid(), SIGRTMIN));
    MUST(seteuid(65534));
    char line[16];
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(0, &cpus);
    SHOW(sched_setaffinity(of_root, sizeof cpus, &cpus)), SHOW(sched_setaffinity(0, sizeof cpus, &cpus));
    struct sockaddr_in a = {AF_INET, htons(463), {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind(fd, (void *)&a, sizeof a));
    SHOW(unshare(CLONE_NEWUTS)), SHOW(unshare(CLONE_NEWNS)), SHOW(unshare(CLONE_NEWTIME));
    int flags[] = {CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUTS, CLONE_NEWNS, CLONE_NEWCGROUP};
    for (int i = 0; i < 6; i++)
        SHOW(syscall(SYS_clone, flags[i] | SIGCHLD, 0, 0, 0, 0));
    int pair[2];
    SHOW(socketpair(AF_INET, SOCK_STREAM, 0, pair)), SHOW(socketpair(AF_INET, SOCK_RAW, 0, pair));
    SHOW(socketpair(AF_INET, SOCK_DGRAM, IPPROTO_TCP, pair)), SHOW(socketpair(AF_INET, SOCK_STREAM, 0, NULL));
    socklen_t size = 16;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)), MUST(write(pair[0], "abc", 3));
    SHOW(recvfrom(pair[1], line, 2, 0, (void *)-1L, &size));
    printf("%u\n", size);
    SHOW(recvfrom(pair[1], line, 2, 0, (void *)-1L, (void *)8));
    char control[CMSG_SPACE(4)];
    struct iovec part = {"d", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    *CMSG_FIRSTHDR(&message) = (struct cmsghdr){CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS};
    a = (struct sockaddr_in){AF_INET, 0, {htonl(INADDR_LOOPBACK)}}, size = sizeof a;
    int udp = socket(AF_INET, SOCK_DGRAM, 0), ends[2];
    bind(udp, (void *)&a, sizeof a), getsockname(udp, (void *)&a, &size), connect(udp, (void *)&a, size);
    SHOW(sendmsg(udp, &message, 0)), SHOW(recv(udp, line, 9, 0));
    struct timespec now = {0, 1};
    SHOW(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &now, NULL));
    int pidfd = syscall(SYS_pidfd_open, getpid(), 0);
    pipe(ends);
    SHOW(splice(ends[0], NULL, pidfd, NULL, 10, 0)), SHOW(splice(pidfd, NULL, ends[1], NULL, 10, 0));
    seteuid(0);
    kill(of_root, SIGKILL);
    return 0;
}
