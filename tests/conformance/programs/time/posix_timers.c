/* POSIX timers: signals with values, overruns, blocked and ignored signals, deletion, clocks of processor time, threads, errors. */
#include "conform.h"
#include <pthread.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
typedef struct itimerspec Spec;
static int create(clockid_t c, struct sigevent *e)
{
    int id = -7;
    long r = syscall(SYS_timer_create, c, e, &id);
    if (r)
        printf("create %d %s\n", c, errno_name(errno));
    return id;
}
#define SET(t, flags, spec, old) syscall(SYS_timer_settime, t, flags, spec, old)
#define GET(t, spec) syscall(SYS_timer_gettime, t, spec)
static volatile int seen;
static siginfo_t last;
static void on(int s, siginfo_t *i, void *u)
{
    seen++;
    last = *i;
}
static void show(const char *what, siginfo_t *i, int id)
{
    printf("%s signo %d code %d id %d value %lx overrun %s\n", what, i->si_signo, i->si_code,
           i->si_timerid == id, (long)i->si_ptr, i->si_overrun > 9 ? "many" : "few");
}
static void left(const char *what, int id)
{
    Spec s;
    if (GET(id, &s)) {
        printf("%s %s\n", what, errno_name(errno));
        return;
    }
    printf("%s interval %ld.%09ld left %s\n", what, s.it_interval.tv_sec, s.it_interval.tv_nsec,
           s.it_value.tv_sec || s.it_value.tv_nsec > 1 ? "some"
           : s.it_value.tv_nsec                        ? "1"
                                                       : "0");
}
static void *other(void *p)
{
    *(int *)p = syscall(SYS_gettid);
    for (;;)
        pause();
}
static void burn(clockid_t c, long ms)
{
    struct timespec a, b;
    clock_gettime(c, &a);
    do {
        for (int k = 0; k < 500; k++)
            __builtin_ia32_pause();
        clock_gettime(c, &b);
    } while ((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < ms);
}
int main(void)
{
    sigset_t set;
    siginfo_t i;
    Spec ms = {{0, 1000000}, {0, 1000000}}, once = {{0, 0}, {0, 1000000}}, off = {0},
         far = {{5, 7}, {100, 0}}, old;
    int t, u, n;
    struct timespec limit = {2, 0}, nap = {0, 20000000}, since, until;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, 0);
    struct sigevent e = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_ptr = (void *)0x123456789a};
    t = create(CLOCK_MONOTONIC, &e);
    printf("id %d\n", t);
    left("new", t);
    SHOW(SET(t, 0, &far, 0));
    left("far", t);
    SHOW(SET(t, 0, &once, &old));
    printf("old %ld %ld %d\n", old.it_interval.tv_sec, old.it_interval.tv_nsec, old.it_value.tv_sec >= 98);
    SHOW(sigtimedwait(&set, &i, &limit) == SIGRTMIN);
    show("once", &i, t);
    left("after", t);
    SHOW(timer_getoverrun((timer_t)(long)t));
    SHOW(syscall(SYS_timer_getoverrun, t));
    SHOW(SET(t, 0, &ms, 0));
    nanosleep(&nap, 0);
    left("pending", t);
    clock_gettime(CLOCK_MONOTONIC, &since);
    SHOW(sigtimedwait(&set, &i, &limit) == SIGRTMIN);
    show("periodic", &i, t);
    SHOW(syscall(SYS_timer_getoverrun, t) == i.si_overrun);
    SHOW(sigtimedwait(&set, &i, &limit) == SIGRTMIN);
    clock_gettime(CLOCK_MONOTONIC, &until);
    /* a busy host may keep the program from running: an overrun a millisecond is what that takes */
    if (i.si_overrun <= (until.tv_sec - since.tv_sec) * 1000 + (until.tv_nsec - since.tv_nsec) / 1000000)
        i.si_overrun = 0;
    show("next", &i, t);
    nanosleep(&nap, 0);
    sigpending(&set);
    printf("pending %d\n", sigismember(&set, SIGRTMIN));
    SHOW(SET(t, 0, &off, 0));
    sigpending(&set);
    printf("pending %d\n", sigismember(&set, SIGRTMIN));
    left("off", t);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGALRM);
    struct timespec none = {0};
    SHOW(sigtimedwait(&set, &i, &none));
    /* a signalfd, sigev NULL, the numbers */
    u = create(CLOCK_REALTIME, 0);
    printf("id %d\n", u);
    SHOW(SET(u, 0, &once, 0));
    SHOW(sigtimedwait(&set, &i, &limit));
    printf("alarm value %d own %d\n", i.si_int, i.si_int == u);
    int fd = signalfd(-1, &set, 0);
    struct signalfd_siginfo si;
    SHOW(SET(t, 0, &ms, 0));
    nanosleep(&nap, 0);
    SHOW(read(fd, &si, sizeof si));
    printf("fd signo %d code %d tid %d overrun %d ptr %lx int %x\n", si.ssi_signo == SIGRTMIN, si.ssi_code,
           si.ssi_tid == t, si.ssi_overrun > 3, (long)si.ssi_ptr, si.ssi_int);
    SHOW(syscall(SYS_timer_delete, t));
    SHOW(syscall(SYS_timer_delete, t));
    SHOW(SET(t, 0, &ms, 0));
    SHOW(GET(t, &old));
    SHOW(syscall(SYS_timer_getoverrun, t));
    SHOW(sigtimedwait(&set, &i, &none));
    /* two signals of one number, and one that is ignored for a time */
    e.sigev_signo = SIGUSR1;
    e.sigev_value.sival_int = 1;
    t = create(CLOCK_BOOTTIME, &e);
    n = create(CLOCK_TAI, &e);
    printf("ids %d %d\n", t, n);
    kill(getpid(), SIGUSR1);
    SET(t, 0, &once, 0);
    SET(n, 0, &once, 0);
    nanosleep(&nap, 0);
    for (int k = 0; k < 4; k++) {
        int r = sigtimedwait(&set, &i, &none);
        printf("%d code %d\n", r, r > 0 ? i.si_code : 0);
    }
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigprocmask(SIG_UNBLOCK, &set, 0);
    signal(SIGUSR1, SIG_IGN);
    SET(t, 0, &ms, 0);
    SET(n, 0, &once, 0);
    nanosleep(&nap, 0);
    left("ignored", t);
    left("ignored", n);
    sigaction(SIGUSR1, &sa, 0);
    printf("heard %d\n", seen >= 1 && last.si_value.sival_int == 1);
    SET(t, 0, &off, 0);
    seen = 0;
    SET(n, 0, &once, 0);
    nanosleep(&nap, 0);
    printf("handler %d\n", seen);
    show("handler", &last, n);
    /* absolute, past, none */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    t = create(CLOCK_MONOTONIC, &e);
    Spec abs = {{0, 0}, now};
    seen = 0;
    SHOW(SET(t, TIMER_ABSTIME, &abs, 0));
    nanosleep(&nap, 0);
    printf("past %d\n", seen);
    left("past", t);
    now.tv_sec += 50;
    abs.it_value = now;
    SHOW(SET(t, TIMER_ABSTIME, &abs, 0));
    left("future", t);
    SHOW(SET(t, 77, &off, 0));
    abs.it_value = (struct timespec){1, 0};
    abs.it_interval = (struct timespec){0, 3000000};
    seen = 0;
    SHOW(SET(t, TIMER_ABSTIME, &abs, 0));
    nanosleep(&nap, 0);
    printf("old and periodic %d overrun %d\n", seen > 2, last.si_overrun >= 0);
    SET(t, 0, &off, 0);
    e.sigev_notify = SIGEV_NONE;
    u = create(CLOCK_MONOTONIC, &e);
    SHOW(SET(u, 0, &far, 0));
    left("none", u);
    SHOW(SET(u, 0, &once, 0));
    nanosleep(&nap, 0);
    left("none past", u);
    SHOW(SET(u, 0, &ms, 0));
    nanosleep(&nap, 0);
    left("none periodic", u);
    SHOW(syscall(SYS_timer_getoverrun, u));
    /* processor time, and a thread */
    e.sigev_notify = SIGEV_SIGNAL;
    int tid = 0;
    pthread_t th;
    pthread_create(&th, 0, other, &tid);
    while (!*(volatile int *)&tid)
        sched_yield();
    clockid_t c;
    int kinds[4] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    pthread_getcpuclockid(pthread_self(), &c);
    kinds[2] = c;
    clock_getcpuclockid(0, &c);
    kinds[3] = c;
    for (int k = 0; k < 4; k++) {
        t = create(kinds[k], &e);
        Spec five = {{0, 0}, {0, 5000000}};
        seen = 0;
        SET(t, 0, &five, 0);
        left("cpu", t);
        nanosleep(&nap, 0);
        printf("slept %d\n", seen);
        burn(CLOCK_PROCESS_CPUTIME_ID, 14);
        printf("cpu %d\n", seen);
        left("cpu", t);
        SHOW(syscall(SYS_timer_delete, t));
    }
    pthread_getcpuclockid(th, &c);
    SHOW(clock_gettime(c, &now));
    t = create(c, &e);
    seen = 0;
    SET(t, 0, &once, 0);
    burn(CLOCK_PROCESS_CPUTIME_ID, 10);
    printf("of the other %d\n", seen);
    SHOW(clock_gettime((~99999u << 3) | 2, &now));
    SHOW(clock_gettime((~99999u << 3) | 6, &now));
    SHOW(clock_gettime(-5, &now));
    SHOW(clock_getres(c, &now));
    create((~99999u << 3) | 6, &e);
    create(-1, &e);
    e.sigev_notify = SIGEV_THREAD_ID | SIGEV_SIGNAL;
    e._sigev_un._tid = tid;
    t = create(CLOCK_MONOTONIC, &e);
    seen = 0;
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    SHOW(SET(t, 0, &once, 0));
    n = 0;
    do
        nanosleep(&nap, 0);
    while (!seen && ++n < 100); /* until a busy host lets the thread run */
    printf("thread %d\n", seen);
    e._sigev_un._tid = 999999;
    create(CLOCK_MONOTONIC, &e);
    e._sigev_un._tid = getpid();
    SHOW(create(CLOCK_MONOTONIC, &e) > 0);
    /* errors; a child has none */
    e.sigev_notify = 99;
    create(0, &e);
    e.sigev_notify = SIGEV_SIGNAL;
    e.sigev_signo = 65;
    create(0, &e);
    e.sigev_signo = 0;
    create(0, &e);
    e.sigev_notify = SIGEV_NONE;
    SHOW(create(0, &e) > 0);
    create(0, (void *)8);
    int none_of[] = {99, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, 10, -4};
    for (int k = 0; k < 6; k++)
        create(none_of[k], 0);
    SHOW(syscall(SYS_timer_create, 0, 0, (void *)8));
    SHOW(SET(u, 0, 0, 0));
    SHOW(SET(u, 0, (void *)8, 0));
    ms.it_value.tv_nsec = 1000000000;
    SHOW(SET(u, 0, &ms, 0));
    ms.it_value.tv_nsec = 5;
    ms.it_interval.tv_sec = -1;
    SHOW(SET(u, 0, &ms, 0));
    SHOW(SET(u, 0, &far, (void *)8));
    left("set", u);
    SHOW(GET(u, (void *)8));
    SHOW(SET(9999, 0, &far, 0));
    fflush(stdout);
    if (!fork()) {
        SHOW(GET(u, &old));
        printf("first %d\n", create(0, 0));
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    return 0;
}
