/* RLIMIT_CPU and RLIMIT_SIGPENDING, limits of others; hostname, personality, syslog, kcmp, membarrier.

   budget: 100000000
*/
#include "conform.h"
#include <linux/kcmp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/klog.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
static volatile int hits;
static void on(int s) { hits++; }
static void burn(int ms)
{
    struct timespec a, b;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    do {
        for (int k = 0; k < 3000; k++)
            __builtin_ia32_pause();
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    } while ((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < ms);
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
        printf("status %x\n", st_);                                                                          \
    } while (0)
static void names(const char *what)
{
    struct utsname u;
    uname(&u);
    printf("%s %s %s %.4s\n", what, u.nodename, u.domainname, u.release);
}
#define kcmp(a, b, kind, x, y) syscall(SYS_kcmp, a, b, kind, x, y)
static volatile int tid, stop;
static void *thread(void *a)
{
    tid = syscall(SYS_gettid);
    while (!stop)
        usleep(1000);
    return 0;
}
#define membarrier(c, f) syscall(SYS_membarrier, c, f, 0)
int main(void)
{
    struct rlimit r = {1, 2}, old;
    signal(SIGXCPU, on);
    IN_CHILD(SHOW(setrlimit(RLIMIT_CPU, &r)); burn(1030); printf("hits %d\n", hits);
             SHOW(getrlimit(RLIMIT_CPU, &r)); printf("soft %d\n", (int)r.rlim_cur); r.rlim_cur = 1;
             r.rlim_max = 1; setrlimit(RLIMIT_CPU, &r); burn(100); puts("not reached"));
    IN_CHILD(r.rlim_cur = r.rlim_max = 2; SHOW(setrlimit(RLIMIT_SIGPENDING, &r)); sigset_t s; sigfillset(&s);
             sigprocmask(SIG_BLOCK, &s, 0); setuid(54321); union sigval v = {1};
             for (int i = 0; i < 4; i++) SHOW(sigqueue(getpid(), SIGRTMIN, v));
             SHOW(kill(getpid(), SIGRTMIN + 1)); SHOW(kill(getpid(), SIGUSR1)); siginfo_t si;
             struct timespec zero = {0}; for (int n, i = 0; i < 5; i++) {
                 n = sigtimedwait(&s, &si, &zero);
                 printf("%d code %d\n", n, n > 0 ? si.si_code : 0);
             });
    IN_CHILD(r.rlim_cur = 5; r.rlim_max = 10; SHOW(prlimit(0, RLIMIT_CORE, &r, &old));
             SHOW(prlimit(getppid(), RLIMIT_CORE, 0, &old) == 0); SHOW(prlimit(999999, RLIMIT_CORE, 0, &old));
             setuid(1000); SHOW(prlimit(getppid(), RLIMIT_CORE, 0, &old));
             SHOW(prlimit(getpid(), RLIMIT_CORE, 0, &old));
             printf("%d %d\n", (int)old.rlim_cur, (int)old.rlim_max); r.rlim_max = 11;
             SHOW(setrlimit(RLIMIT_CORE, &r)); r.rlim_max = 6; SHOW(setrlimit(RLIMIT_CORE, &r));
             r.rlim_cur = 7; SHOW(setrlimit(RLIMIT_CORE, &r)); SHOW(prlimit(0, 77, 0, &old)));
    setpriority(PRIO_PROCESS, 0, 0);
    IN_CHILD(SHOW(getpriority(PRIO_PROCESS, 0)); SHOW(nice(3)); SHOW(getpriority(PRIO_PROCESS, 0));
             SHOW(getpriority(PRIO_PGRP, 99999)); setuid(1000); SHOW(nice(2));
             SHOW(setpriority(PRIO_PROCESS, 0, 1)); SHOW(setpriority(PRIO_PROCESS, getppid(), 1));
             SHOW(setpriority(9, 0, 1)); SHOW(getpriority(PRIO_PROCESS, 999999)); if (!fork()) {
                 SHOW(getpriority(PRIO_PROCESS, 0));
                 fflush(stdout);
                 _exit(0);
             } wait(0));
    /* names: the host's own come back */
    struct utsname u;
    uname(&u);
    SHOW(sethostname("somewhere", 9));
    SHOW(setdomainname("else", 4));
    names("set");
    SHOW(sethostname("x", 65));
    SHOW(sethostname("x", -1));
    SHOW(sethostname((void *)8, 3));
    SHOW(sethostname("", 0));
    SHOW(sethostname(u.nodename, strlen(u.nodename)));
    SHOW(setdomainname(u.domainname, strlen(u.domainname)));
    IN_CHILD(setuid(1); SHOW(sethostname("x", 1)); SHOW(setdomainname("x", 1)); SHOW(klogctl(5, 0, 0));
             char c; SHOW(klogctl(4, &c, 1)));
    IN_CHILD(SHOW(personality(0xffffffff)); SHOW(personality(UNAME26 | SHORT_INODE | ADDR_NO_RANDOMIZE));
             printf("%x\n", personality(0xffffffff)); uname(&u); printf("%.4s\n", u.release); if (!fork()) {
                 printf("%x\n", personality(0xffffffff));
                 fflush(stdout);
                 _exit(0);
             } wait(0));
    char buffer[8];
    SHOW(klogctl(10, 0, 0));
    SHOW(klogctl(11, 0, 0));
    SHOW(klogctl(-1, 0, 0));
    SHOW(klogctl(3, 0, 1));
    SHOW(klogctl(3, buffer, -1));
    SHOW(klogctl(3, buffer, 0));
    SHOW(klogctl(8, 0, 9));
    SHOW(klogctl(0, 0, 0));
    SHOW(klogctl(1, 0, 0));
    /* kcmp */
    int pair[2], copy, me = getpid();
    pipe(pair);
    copy = dup(pair[0]);
    pthread_t t;
    pthread_create(&t, 0, thread, 0);
    while (!tid)
        usleep(100);
    SHOW(kcmp(me, me, KCMP_FILE, pair[0], copy));
    SHOW(kcmp(me, me, KCMP_FILE, pair[0], pair[1]) > 0);
    SHOW(kcmp(me, me, KCMP_FILE, pair[0], 99));
    SHOW(kcmp(me, tid, KCMP_VM, 0, 0));
    SHOW(kcmp(me, tid, KCMP_FILES, 0, 0));
    SHOW(kcmp(me, tid, KCMP_FS, 0, 0));
    SHOW(kcmp(me, tid, KCMP_SIGHAND, 0, 0));
    SHOW(kcmp(me, tid, KCMP_IO, 0, 0));
    SHOW(kcmp(me, tid, KCMP_SYSVSEM, 0, 0));
    SHOW(kcmp(me, tid, 8, 0, 0));
    SHOW(kcmp(me, 999999, 0, 0, 0));
    SHOW(kcmp(me, me, -1, 0, 0));
    IN_CHILD(SHOW(kcmp(me, getpid(), KCMP_FILE, pair[0], pair[0]));
             SHOW(kcmp(me, getpid(), KCMP_VM, 0, 0) > 0); int a = kcmp(me, getpid(), KCMP_FILES, 0, 0);
             printf("order %d\n", a + kcmp(getpid(), me, KCMP_FILES, 0, 0));
             SHOW(kcmp(me, getpid(), KCMP_SIGHAND, 0, 0) > 0); setuid(1000);
             SHOW(kcmp(me, getpid(), KCMP_VM, 0, 0)));
    int e = epoll_create1(0);
    struct epoll_event ev = {EPOLLIN};
    epoll_ctl(e, EPOLL_CTL_ADD, pair[0], &ev);
    struct kcmp_epoll_slot slot = {e, pair[0], 0};
    SHOW(kcmp(me, me, KCMP_EPOLL_TFD, pair[0], &slot));
    SHOW(kcmp(me, me, KCMP_EPOLL_TFD, pair[1], &slot) > 0);
    slot.toff = 1;
    SHOW(kcmp(me, me, KCMP_EPOLL_TFD, pair[0], &slot));
    slot.efd = pair[0];
    SHOW(kcmp(me, me, KCMP_EPOLL_TFD, pair[0], &slot));
    SHOW(kcmp(me, me, KCMP_EPOLL_TFD, pair[0], 8));
    stop = 1;
    pthread_join(t, 0);
    /* membarrier, without the commands of rseq */
    SHOW(membarrier(0, 0) & 0x7f);
    SHOW(membarrier(1, 0));
    SHOW(membarrier(2, 0));
    SHOW(membarrier(8, 0));
    SHOW(membarrier(32, 0));
    SHOW(membarrier(16, 0));
    SHOW(membarrier(8, 0));
    SHOW(membarrier(64, 0));
    SHOW(membarrier(32, 0));
    SHOW(membarrier(4, 0));
    SHOW(membarrier(512, 0));
    SHOW(membarrier(3, 0));
    SHOW(membarrier(1024, 0));
    SHOW(membarrier(8, 2));
    IN_CHILD(SHOW(membarrier(512, 0)));
    struct tms ticks;
    struct rusage ru;
    burn(30);
    for (int i = 0; i < 3000; i++)
        getppid();
    getrusage(RUSAGE_SELF, &ru);
    printf("user %d\n", ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec > 1000);
    SHOW(times(&ticks) != -1);
    printf("%d %d\n", ticks.tms_utime > 0, ticks.tms_cutime > 0);
    SHOW(syscall(SYS_times, 8));
    SHOW(getrusage(77, &ru));
    return 0;
}
