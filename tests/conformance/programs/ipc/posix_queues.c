/* POSIX message queues: names, attributes, priorities, both sides waiting, timeouts, notification, poll, limits, semaphores, errors. */
#include "conform.h"
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#define NAME "/pffemu-conform"
static mqd_t q;
static char m[9000];
static unsigned prio;
static void rcv(const char *what)
{
    memset(m, 0, 100);
    int n = mq_receive(q, m, 9000, &prio);
    if (n < 0)
        printf("%s: %s\n", what, errno_name(errno));
    else
        printf("%s: %d prio %u %.40s\n", what, n, prio, m);
}
static void attr(const char *what)
{
    struct mq_attr a;
    if (mq_getattr(q, &a)) {
        printf("%s %s\n", what, errno_name(errno));
        return;
    }
    printf("%s flags %lo max %ld size %ld now %ld\n", what, a.mq_flags, a.mq_maxmsg, a.mq_msgsize,
           a.mq_curmsgs);
}
static void polled(const char *what)
{
    struct pollfd p = {q, POLLIN | POLLOUT};
    int n = poll(&p, 1, 0);
    printf("%s: %d %x\n", what, n, n > 0 ? p.revents : 0);
}
static void state(const char *what)
{
    int n = open("/dev/null", O_RDONLY);
    close(n);
    lseek(q, 0, 0);
    n = read(q, m, 200);
    m[n > 0 ? n : 0] = 0;
    printf("%s: %d %.40s\n", what, n, m);
}
static void nap(void) { usleep(60000); }
static void reap(const char *what, int p)
{
    int st;
    waitpid(p, &st, 0);
    printf("%s %s\n", what,
           WIFEXITED(st) ? WEXITSTATUS(st) ? errno_name(WEXITSTATUS(st)) : "done" : "killed");
}
static int receiver(void)
{
    fflush(stdout);
    int p = fork();
    if (p)
        return p;
    int n = mq_receive(q, m, 9000, &prio);
    if (n < 0)
        _exit(errno);
    nap();
    m[n] = 0;
    printf("child got %s prio %u\n", m, prio);
    fflush(stdout);
    _exit(0);
}
static int sender(const char *text, int pr)
{
    fflush(stdout);
    int p = fork();
    if (p)
        return p;
    _exit(mq_send(q, text, strlen(text), pr) ? errno : 0);
}
static volatile int hits;
static siginfo_t last;
static void on(int s, siginfo_t *i, void *u)
{
    hits++;
    last = *i;
}
int main(void)
{
    struct mq_attr a = {0, 3, 20};
    struct timespec now, bad = {0, -1};
    pid_t p, r;
    sem_t *s;
    setvbuf(stdout, 0, _IOLBF, 0);
    mq_unlink(NAME);
    mq_unlink(NAME "2");
    umask(022);
    SHOW(mq_open(NAME, O_RDWR));
    SHOW(mq_open("noslash", O_RDWR | O_CREAT, 0600, 0));
    SHOW(mq_open("/a/b", O_RDWR | O_CREAT, 0600, 0));
    SHOW(mq_open("/", O_RDWR | O_CREAT, 0600, 0));
    SHOW(mq_open("/..", O_RDWR));
    SHOW(mq_unlink(NAME));
    SHOW(mq_unlink("/a/b"));
    memset(m, 'n', 300);
    m[0] = '/';
    m[300] = 0;
    SHOW(mq_open(m, O_RDWR | O_CREAT, 0600, 0));
    SHOW(mq_open(NAME, O_RDWR | O_CREAT, 0600, (void *)8));
    a.mq_maxmsg = 0;
    SHOW(mq_open(NAME, O_RDWR | O_CREAT, 0600, &a));
    a.mq_maxmsg = 3;
    a.mq_msgsize = -1;
    SHOW(mq_open(NAME, O_RDWR | O_CREAT, 0600, &a));
    a.mq_msgsize = 20;
    SHOW((q = mq_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0666, &a)) > 2);
    SHOW(fcntl(q, F_GETFD));
    SHOW(mq_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600, &a));
    SHOW(mq_open(NAME, 3));
    attr("new");
    struct stat st;
    fstat(q, &st);
    printf("mode %o size %ld links %ld uid %d\n", st.st_mode, (long)st.st_size, (long)st.st_nlink, st.st_uid);
    polled("empty");
    SHOW(mq_send(q, "low", 3, 1));
    SHOW(mq_send(q, "high", 4, 9));
    SHOW(mq_send(q, "high too", 8, 9));
    polled("full");
    attr("three");
    state("state");
    SHOW(fcntl(q, F_SETFL, O_NONBLOCK));
    SHOW(mq_send(q, "more", 4, 0));
    rcv("first");
    rcv("second");
    polled("one");
    rcv("third");
    rcv("none");
    SHOW(mq_send(q, "", 0, 32767));
    rcv("nothing in it");
    struct mq_attr off = {0}, old;
    SHOW(mq_setattr(q, &off, &old));
    printf("old %lo\n", old.mq_flags);
    attr("blocking");
    off.mq_flags = 1;
    SHOW(mq_setattr(q, &off, 0));
    SHOW(mq_send(q, m, 21, 0));
    SHOW(mq_send(q, "x", 1, 32768));
    SHOW(mq_send(q, (void *)8, 1, 0));
    SHOW(mq_receive(q, m, 19, 0));
    SHOW(mq_send(0, "x", 1, 0));
    SHOW(mq_send(99, "x", 1, 0));
    SHOW(mq_receive(0, m, 99, 0));
    mqd_t ro = mq_open(NAME, O_RDONLY), wo = mq_open(NAME, O_WRONLY);
    SHOW(mq_send(ro, "x", 1, 0));
    SHOW(mq_receive(wo, m, 99, 0));
    SHOW(write(q, "x", 1));
    clock_gettime(CLOCK_REALTIME, &now);
    SHOW(mq_timedreceive(q, m, 99, 0, &now));
    now.tv_nsec = (now.tv_nsec + 5000000) % 1000000000;
    now.tv_sec += now.tv_nsec < 5000000;
    SHOW(mq_timedreceive(q, m, 99, 0, &now));
    SHOW(mq_timedreceive(q, m, 99, 0, &bad));
    SHOW(mq_timedreceive(q, m, 99, 0, (void *)8));
    mq_send(q, "lost", 4, 0);
    SHOW(mq_receive(q, (void *)8, 99, 0));
    attr("lost");
    for (int i = 0; i < 3; i++)
        mq_send(q, "fill", 4, 2);
    SHOW(mq_timedsend(q, "x", 1, 0, &now));
    SHOW(mq_timedsend(q, "x", 1, 0, &bad));
    /* waiting */
    p = sender("waits", 5);
    nap();
    r = sender("waits too", 7);
    nap();
    rcv("fill");
    reap("first sender", p);
    attr("three again");
    rcv("waits");
    reap("second sender", r);
    rcv("waits too");
    rcv("fill");
    rcv("fill");
    p = receiver();
    nap();
    r = receiver();
    nap();
    SHOW(mq_send(q, "one", 3, 1));
    reap("first", p);
    SHOW(mq_send(q, "two", 3, 2));
    reap("second", r);
    attr("none");
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &sa, 0);
    p = receiver();
    nap();
    kill(p, SIGUSR1);
    reap("signal", p);
    /* notification */
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 55};
    SHOW(mq_notify(q, &e));
    SHOW(mq_notify(q, &e));
    state("asked");
    fflush(stdout);
    if (!(p = fork())) {
        SHOW(mq_notify(q, &e));
        SHOW(mq_notify(q, 0));
        mq_send(q, "told", 4, 0);
        _exit(0);
    }
    waitpid(p, 0, 0);
    nap();
    printf("hits %d code %d value %d from %d\n", hits, last.si_code, last.si_value.sival_int,
           last.si_pid == p);
    mq_send(q, "more", 4, 0);
    printf("hits %d\n", hits);
    SHOW(mq_notify(q, &e));
    rcv("told");
    rcv("more");
    p = receiver();
    nap();
    mq_send(q, "taken", 5, 0);
    reap("taken", p);
    printf("hits %d\n", hits);
    mq_send(q, "now", 3, 0);
    printf("hits %d\n", hits);
    SHOW(mq_notify(q, &e));
    SHOW(mq_notify(q, 0));
    SHOW(mq_notify(q, 0));
    e.sigev_notify = 77;
    SHOW(mq_notify(q, &e));
    e.sigev_notify = SIGEV_SIGNAL;
    e.sigev_signo = 65;
    SHOW(mq_notify(q, &e));
    e.sigev_notify = SIGEV_NONE;
    SHOW(mq_notify(q, &e));
    close(dup(q));
    SHOW(mq_notify(q, &e));
    SHOW(mq_notify(0, &e));
    /* limits, owners, the end */
    a.mq_maxmsg = 10;
    a.mq_msgsize = 8192;
    int n = 0;
    for (; n < 30; n++) {
        snprintf(m, 50, NAME "-%d", n);
        mqd_t x = mq_open(m, O_RDWR | O_CREAT, 0600, &a);
        if (x < 0)
            break;
        close(x);
    }
    printf("%d queues: %s\n", n, errno_name(errno));
    while (n--) {
        snprintf(m, 50, NAME "-%d", n);
        mq_unlink(m);
    }
    fflush(stdout);
    if (!(p = fork())) {
        setuid(1000);
        SHOW(mq_open(NAME, O_RDWR));
        SHOW(mq_open(NAME, O_RDONLY) > 0);
        SHOW(mq_unlink(NAME));
        a.mq_maxmsg = 11;
        SHOW(mq_open(NAME "2", O_RDWR | O_CREAT, 0600, &a));
        a.mq_maxmsg = 1;
        a.mq_msgsize = 8193;
        SHOW(mq_open(NAME "2", O_RDWR | O_CREAT, 0600, &a));
        fflush(stdout);
        _exit(0);
    }
    reap("other user", p);
    SHOW(mq_unlink(NAME));
    SHOW(mq_unlink(NAME));
    attr("unlinked");
    fstat(q, &st);
    printf("links %ld\n", (long)st.st_nlink);
    rcv("now");
    SHOW(mq_close(q));
    attr("closed");
    return 0;
}
