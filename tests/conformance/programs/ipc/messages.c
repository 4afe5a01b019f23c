/* System V messages: types and the order they are taken in, sizes, waiting on both sides, MSG_COPY, limits, removal, errors. */
#include "conform.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#define KEY 0x70666603
static int id;
static struct msqid_ds d;
static struct {
    long type;
    char text[9000];
} m;
static int snd(long type, const char *text, int flags)
{
    m.type = type;
    strcpy(m.text, text);
    return msgsnd(id, &m, strlen(text), flags);
}
static void rcv(long type, int size, int flags)
{
    memset(m.text, 0, 100);
    m.type = 0;
    int n = msgrcv(id, &m, size, type, flags);
    if (n < 0)
        printf("%ld %d %o: %s\n", type, size, flags, errno_name(errno));
    else
        printf("%ld %d %o: %d type %ld %.50s\n", type, size, flags, n, m.type, m.text);
}
static void status(const char *what)
{
    if (msgctl(id, IPC_STAT, &d)) {
        printf("%s %s\n", what, errno_name(errno));
        return;
    }
    printf("%s mode %o bytes %lu of %lu messages %lu own %d %d times %d %d %d\n", what, d.msg_perm.mode,
           d.__msg_cbytes, d.msg_qbytes, d.msg_qnum, d.msg_lspid == getpid(), d.msg_lrpid == getpid(),
           !!d.msg_stime, !!d.msg_rtime, !!d.msg_ctime);
}
static void nap(void) { usleep(60000); }
static void reap(const char *what, int p)
{
    int st;
    waitpid(p, &st, 0);
    printf("%s %s\n", what,
           WIFEXITED(st) ? WEXITSTATUS(st) ? errno_name(WEXITSTATUS(st)) : "done" : "killed");
}
static int receiver(long type, int size, int flags)
{
    fflush(stdout);
    int p = fork();
    if (p)
        return p;
    int n = msgrcv(id, &m, size, type, flags);
    if (n >= 0) {
        nap();
        printf("child got %d type %ld %.20s\n", n, m.type, m.text);
        fflush(stdout);
    }
    _exit(n < 0 ? errno : 0);
}
static int sender(long type, int size)
{
    fflush(stdout);
    int p = fork();
    if (p)
        return p;
    m.type = type;
    memset(m.text, 'x', size);
    _exit(msgsnd(id, &m, size, 0) ? errno : 0);
}
static void on(int s) {}
int main(void)
{
    int p, q, r;
    setvbuf(stdout, 0, _IOLBF, 0);
    msgctl(msgget(KEY, 0), IPC_RMID, 0);
    SHOW(msgget(KEY, 0600));
    SHOW((id = msgget(KEY, IPC_CREAT | 0640)) >= 0);
    SHOW(msgget(KEY, IPC_CREAT | IPC_EXCL));
    SHOW(msgget(KEY, 0) == id);
    status("new");
    SHOW(snd(3, "three", 0));
    SHOW(snd(1, "one", 0));
    SHOW(snd(2, "two", 0));
    SHOW(snd(1, "one again", 0));
    SHOW(snd(5, "", 0));
    status("five");
    rcv(2, 100, IPC_NOWAIT);
    rcv(2, 100, IPC_NOWAIT);
    rcv(0, 2, IPC_NOWAIT);
    rcv(0, 2, MSG_NOERROR);
    rcv(-4, 100, 0);
    rcv(1, 100, MSG_EXCEPT);
    rcv(-9, 100, 0);
    rcv(0, 100, IPC_NOWAIT);
    snd(4, "a", 0);
    snd(9, "b", 0);
    snd(4, "c", 0);
    rcv(0, 100, MSG_COPY | IPC_NOWAIT);
    rcv(2, 100, MSG_COPY | IPC_NOWAIT);
    rcv(3, 100, MSG_COPY | IPC_NOWAIT);
    rcv(0, 100, MSG_COPY);
    rcv(0, 100, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT);
    rcv(0, 0, MSG_COPY | IPC_NOWAIT);
    rcv((1L << 63), 100, 0);
    rcv(4, 100, MSG_EXCEPT);
    rcv(0, 100, 0);
    status("empty");
    SHOW(snd(0, "x", 0));
    SHOW(snd(-1, "x", 0));
    m.type = 1;
    SHOW(msgsnd(id, &m, 8193, 0));
    SHOW(msgsnd(id, &m, -1L, 0));
    SHOW(msgsnd(id, (void *)8, 1, 0));
    SHOW(msgsnd(id + 1, &m, 1, 0));
    SHOW(msgsnd(-1, &m, 1, 0));
    SHOW(msgrcv(id, &m, -1L, 0, IPC_NOWAIT));
    SHOW(msgrcv(-1, &m, 1, 0, 0));
    SHOW(msgrcv(id + 1, &m, 1, 0, IPC_NOWAIT));
    snd(1, "lost", 0);
    SHOW(msgrcv(id, (void *)8, 10, 0, IPC_NOWAIT));
    status("lost");
    /* room */
    m.type = 1;
    SHOW(msgsnd(id, &m, 8192, IPC_NOWAIT));
    SHOW(msgsnd(id, &m, 8192, IPC_NOWAIT));
    SHOW(msgsnd(id, &m, 1, IPC_NOWAIT));
    SHOW(msgsnd(id, &m, 0, IPC_NOWAIT));
    status("full");
    p = sender(7, 10);
    nap();
    SHOW(msgrcv(id, &m, 9000, 0, 0));
    reap("sender", p);
    status("sent");
    msgctl(id, IPC_STAT, &d);
    d.msg_qbytes = 9000;
    SHOW(msgctl(id, IPC_SET, &d));
    p = sender(8, 1000);
    nap();
    q = sender(8, 5);
    nap();
    reap("small", q);
    rcv(8, 100, 0);
    msgctl(id, IPC_STAT, &d);
    d.msg_qbytes = 16384;
    SHOW(msgctl(id, IPC_SET, &d));
    reap("limit", p);
    d.msg_qbytes = 10;
    SHOW(msgctl(id, IPC_SET, &d));
    SHOW(snd(1, "x", IPC_NOWAIT));
    while (msgrcv(id, &m, 9000, 0, IPC_NOWAIT) >= 0)
        ;
    for (r = 0; !snd(1, "", IPC_NOWAIT); r++)
        ;
    printf("empty ones %d\n", r);
    while (msgrcv(id, &m, 9000, 0, IPC_NOWAIT) >= 0)
        ;
    d.msg_qbytes = 16384;
    SHOW(msgctl(id, IPC_SET, &d));
    /* receivers */
    p = receiver(2, 100, 0);
    nap();
    q = receiver(0, 100, 0);
    nap();
    SHOW(snd(2, "for the first", 0));
    reap("first", p);
    SHOW(snd(2, "for the second", 0));
    reap("second", q);
    status("handed over");
    p = receiver(0, 2, 0);
    nap();
    q = receiver(0, 2, MSG_NOERROR);
    nap();
    SHOW(snd(1, "long", 0));
    reap("too long", p);
    reap("cut", q);
    p = receiver(-2, 100, 0);
    nap();
    q = receiver(5, 100, MSG_EXCEPT);
    nap();
    SHOW(snd(5, "five", 0));
    status("waits");
    SHOW(snd(3, "three", 0));
    reap("except", q);
    SHOW(snd(2, "two", 0));
    reap("up to", p);
    rcv(0, 100, 0);
    struct sigaction sa = {.sa_handler = on, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &sa, 0);
    p = receiver(0, 10, 0);
    nap();
    kill(p, SIGUSR1);
    reap("signal", p);
    p = receiver(0, 10, 0);
    nap();
    kill(p, SIGSTOP);
    nap();
    kill(p, SIGCONT);
    nap();
    SHOW(snd(1, "go on", 0));
    reap("stopped", p);
    struct msginfo i;
    SHOW(msgctl(0, IPC_INFO, (void *)&i) >= 0);
    printf("%d %d %d %d %d %d %d %d\n", i.msgpool, i.msgmap, i.msgmax, i.msgmnb, i.msgmni, i.msgssz, i.msgtql,
           i.msgseg);
    snd(1, "four", 0);
    SHOW(msgctl(0, MSG_INFO, (void *)&i) >= 0);
    printf("used %d %d %d\n", i.msgpool > 0, i.msgmap > 0, i.msgtql > 3);
    SHOW(msgctl(id & 32767, MSG_STAT, &d) == id);
    SHOW(msgctl(id & 32767, MSG_STAT_ANY, &d) == id);
    SHOW(msgctl(id, 55, &d));
    SHOW(msgctl(-1, IPC_STAT, &d));
    SHOW(msgctl(id, IPC_STAT, (void *)8));
    d.msg_perm.uid = -1;
    SHOW(msgctl(id, IPC_SET, &d));
    rcv(0, 10, 0);
    p = receiver(0, 10, 0);
    nap();
    SHOW(msgctl(id, IPC_RMID, 0));
    reap("removed", p);
    SHOW(msgctl(id, IPC_RMID, 0));
    SHOW(snd(1, "x", 0));
    return 0;
}
