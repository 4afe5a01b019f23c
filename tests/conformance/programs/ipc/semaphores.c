/* System V semaphores: values, operations done together, waiting and its counts, SEM_UNDO, removal, timeouts, errors. */
#include "conform.h"
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>
#define KEY 0x70666602
static int id;
static struct semid_ds d;
static int op(int n, int v, int f)
{
    struct sembuf b = {n, v, f};
    return semop(id, &b, 1);
}
static void values(const char *what)
{
    unsigned short v[4];
    if (semctl(id, 0, GETALL, v)) {
        printf("%s %s\n", what, errno_name(errno));
        return;
    }
    printf("%s %d %d %d %d\n", what, v[0], v[1], v[2], v[3]);
}
static void nap(void) { usleep(60000); }
static int child(int n, int v, int f)
{
    fflush(stdout);
    int p = fork();
    if (p)
        return p;
    int r = op(n, v, f);
    _exit(r ? errno : 0);
}
static void reap(const char *what, int p)
{
    int st;
    waitpid(p, &st, 0);
    printf("%s %s\n", what,
           WIFEXITED(st) ? WEXITSTATUS(st) ? errno_name(WEXITSTATUS(st)) : "done" : "killed");
}
static void on(int s) {}
static void *undoing(void *p)
{
    op(2, 7, SEM_UNDO);
    return 0;
}
int main(int argc, char **argv)
{
    if (argc > 1)
        return 0;
    struct sembuf b[600];
    int p, q, r;
    struct timespec ms = {0, 5000000}, bad = {0, 1000000000}, zero = {0};
    semctl(semget(KEY, 0, 0), 0, IPC_RMID);
    SHOW(semget(KEY, 4, 0600));
    SHOW(semget(KEY, 0, IPC_CREAT | 0600));
    SHOW(semget(KEY, 32001, IPC_CREAT | 0600));
    SHOW(semget(KEY, -1, IPC_CREAT));
    SHOW((id = semget(KEY, 4, IPC_CREAT | 0640)) >= 0);
    SHOW(semget(KEY, 5, 0));
    SHOW(semget(KEY, 4, IPC_CREAT | IPC_EXCL));
    SHOW(semget(KEY, 2, 0) == id);
    SHOW(semctl(id, 0, IPC_STAT, &d));
    printf("nsems %lu mode %o otime %d ctime %d\n", d.sem_nsems, d.sem_perm.mode, !!d.sem_otime,
           !!d.sem_ctime);
    values("new");
    SHOW(semctl(id, 1, SETVAL, 3));
    SHOW(semctl(id, 1, GETVAL));
    SHOW(semctl(id, 1, GETPID) == getpid());
    SHOW(semctl(id, 0, GETPID));
    SHOW(semctl(id, 4, GETVAL));
    SHOW(semctl(id, -1, GETVAL));
    SHOW(semctl(id, 0, SETVAL, -1));
    SHOW(semctl(id, 0, SETVAL, 32768));
    SHOW(semctl(id, 9, SETVAL, 1));
    unsigned short all[4] = {1, 2, 0, 5}, big[4] = {1, 40000, 0, 0};
    SHOW(semctl(id, 0, SETALL, all));
    SHOW(semctl(id, 0, SETALL, big));
    SHOW(semctl(id, 0, SETALL, (void *)8));
    SHOW(semctl(id, 0, GETALL, (void *)8));
    values("all");
    SHOW(op(0, -1, 0));
    SHOW(op(0, -1, IPC_NOWAIT));
    SHOW(op(1, 0, IPC_NOWAIT));
    SHOW(op(2, 0, 0));
    SHOW(op(3, 32767, 0));
    SHOW(op(4, 1, 0));
    values("ops");
    semctl(id, 0, IPC_STAT, &d);
    printf("otime %d\n", !!d.sem_otime);
    b[0] = (struct sembuf){0, 5, 0};
    b[1] = (struct sembuf){1, -9, IPC_NOWAIT};
    SHOW(semop(id, b, 2));
    values("none");
    b[1].sem_op = -2;
    b[2] = (struct sembuf){1, 0, 0};
    b[3] = (struct sembuf){0, -5, IPC_NOWAIT};
    SHOW(semop(id, b, 4));
    values("four");
    SHOW(semop(id, b, 0));
    SHOW(semop(id, b, 501));
    SHOW(semop(-1, b, 1));
    SHOW(semop(id + 1, b, 1));
    SHOW(semop(id, (void *)8, 1));
    SHOW(semtimedop(id, b, 1, &bad));
    SHOW(semtimedop(id, b, 1, (void *)8));
    b[0] = (struct sembuf){0, -1, 0};
    SHOW(semtimedop(id, b, 1, &ms));
    SHOW(semtimedop(id, b, 1, &zero));
    /* waiting, first come first, zero first, several at once */
    p = child(0, -2, 0);
    nap();
    q = child(0, -1, 0);
    nap();
    r = child(3, 0, 0);
    nap();
    printf("ncnt %d %d zcnt %d %d\n", semctl(id, 0, GETNCNT), semctl(id, 3, GETNCNT), semctl(id, 3, GETZCNT),
           semctl(id, 0, GETZCNT));
    SHOW(op(0, 1, 0));
    nap();
    printf("ncnt %d\n", semctl(id, 0, GETNCNT));
    reap("second", q);
    SHOW(op(0, 2, 0));
    reap("first", p);
    values("taken");
    SHOW(semctl(id, 0, GETPID) == p);
    SHOW(semctl(id, 3, SETVAL, 0));
    reap("zero", r);
    semctl(id, 2, SETVAL, 1);
    r = child(2, 0, 0);
    nap();
    p = child(2, -2, 0);
    nap();
    SHOW(op(2, -1, 0));
    reap("zero", r);
    SHOW(op(2, 2, 0));
    reap("two", p);
    /* undone at the end of the process, not of a thread */
    values("before");
    p = child(0, 4, SEM_UNDO);
    reap("undo", p);
    values("undone");
    SHOW(semctl(id, 0, GETPID) == p);
    if (!fork()) {
        op(1, 6, SEM_UNDO);
        op(1, -1, SEM_UNDO);
        if (!fork()) {
            op(1, 1, 0);
            _exit(0);
        }
        wait(0);
        semctl(id, 2, SETVAL, 9);
        op(2, -3, SEM_UNDO);
        execl("/proc/self/exe", "x", "x", 0);
        _exit(0);
    }
    wait(0);
    values("several");
    if (!fork()) {
        op(0, 3, SEM_UNDO);
        semctl(id, 0, SETVAL, 8);
        _exit(0);
    }
    wait(0);
    values("set between");
    if (!fork()) {
        pthread_t t;
        pthread_create(&t, 0, undoing, 0);
        pthread_join(t, 0);
        fflush(stdout);
        printf("thread ");
        values("ended");
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    values("process ended");
    if (!fork()) {
        op(3, 5, SEM_UNDO);
        fflush(stdout);
        if (!fork()) {
            op(3, -5, 0);
            _exit(0);
        }
        wait(0);
        _exit(0);
    }
    wait(0);
    values("below zero");
    SHOW(op(3, 32000, SEM_UNDO));
    SHOW(op(3, -32000, 0));
    SHOW(op(3, 32000, SEM_UNDO));
    SHOW(semctl(id, 3, SETVAL, 0));
    /* signals, and removal */
    struct sigaction sa = {.sa_handler = on, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &sa, 0);
    p = child(3, -1, 0);
    nap();
    kill(p, SIGUSR1);
    reap("signal", p);
    SHOW(semctl(id, 0, SEM_STAT_ANY, &d) >= -1);
    struct seminfo i;
    SHOW(semctl(0, 0, IPC_INFO, &i) >= 0);
    printf("%d %d %d %d %d %d %d %d %d %d\n", i.semmap, i.semmni, i.semmns, i.semmnu, i.semmsl, i.semopm,
           i.semume, i.semusz, i.semvmx, i.semaem);
    SHOW(semctl(0, 0, SEM_INFO, &i) >= 0);
    printf("used %d %d\n", i.semusz > 0, i.semaem > 3);
    d.sem_perm.uid = 7;
    d.sem_perm.gid = 8;
    d.sem_perm.mode = 0604;
    SHOW(semctl(id, 0, IPC_SET, &d));
    SHOW(semctl(id, 0, IPC_STAT, &d));
    printf("uid %d gid %d cuid %d mode %o\n", d.sem_perm.uid, d.sem_perm.gid, d.sem_perm.cuid,
           d.sem_perm.mode);
    SHOW(semctl(id, 0, 99));
    SHOW(semctl(-1, 0, IPC_STAT, &d));
    SHOW(semctl(id & 32767, 0, SEM_STAT, &d) == id);
    p = child(3, -1, 0);
    nap();
    SHOW(semctl(id, 0, IPC_RMID));
    reap("removed", p);
    SHOW(op(0, 1, 0));
    SHOW(semctl(id, 0, GETVAL));
    SHOW(semctl(id, 0, IPC_RMID));
    int old = id;
    id = semget(IPC_PRIVATE, 1, 0600);
    SHOW(id != old);
    SHOW(semctl(id, 0, IPC_RMID));
    return 0;
}
