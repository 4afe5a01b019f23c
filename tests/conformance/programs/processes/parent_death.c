/* PR_SET_PDEATHSIG: sent when the thread that made the process ends, whether its process goes on or not; who is told it comes from. */
#include "conform.h"
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>
static int ready[2], told[2], before;
static volatile pid_t maker;
static void say(const char *what, siginfo_t *i, pid_t sender)
{
    char line[100];
    write(told[1], line, snprintf(line, sizeof line, "%s: signal %d code %d from the dying process %d\n", what, i->si_signo, i->si_code, i->si_pid == sender));
}
static void block(int s) { sigset_t set; sigemptyset(&set); sigaddset(&set, s); sigprocmask(SIG_BLOCK, &set, 0); }
static int wait_for(int s, siginfo_t *i, int ms) { sigset_t set; struct timespec t = {ms / 1000, ms % 1000 * 1000000L}; sigemptyset(&set); sigaddset(&set, s); return sigtimedwait(&set, i, &t); }
static void show_told(void) { char c; close(told[1]); while (read(told[0], &c, 1) == 1) putchar(c); fflush(stdout); close(told[0]); pipe(told); }
/* the process ends */
static void by_process(void)
{
    if (!fork()) {
        pid_t me = getpid();
        if (!fork()) {
            siginfo_t i; int sig = 0;
            block(SIGUSR1); prctl(PR_SET_PDEATHSIG, SIGUSR1);
            if (!fork()) { prctl(PR_GET_PDEATHSIG, &sig); char l[40]; write(told[1], l, snprintf(l, 40, "a child starts with %d\n", sig)); _exit(0); }
            wait(0);
            write(ready[1], "r", 1);
            if (wait_for(SIGUSR1, &i, 5000) == SIGUSR1) say("process", &i, me);
            _exit(0);
        }
        char c; read(ready[0], &c, 1); _exit(0);
    }
    wait(0); show_told();
}
/* a thread ends, its process goes on: the parent stays, the signal comes */
static void *make_one(void *a)
{
    maker = getpid();
    if (!fork()) {
        siginfo_t i; pid_t parent = getppid();
        block(SIGUSR2); prctl(PR_SET_PDEATHSIG, SIGUSR2); write(ready[1], "r", 1);
        if (wait_for(SIGUSR2, &i, 5000) == SIGUSR2) say("thread", &i, parent);
        char l[60]; write(told[1], l, snprintf(l, 60, "the same parent %d\n", getppid() == parent));
        if (a) { if (wait_for(SIGUSR2, &i, 5000) == SIGUSR2) say("then its process", &i, parent); }
        _exit(0);
    }
    char c; read(ready[0], &c, 1); return 0;
}
static void by_thread(void) { pthread_t t; pthread_create(&t, 0, make_one, 0); pthread_join(t, 0); wait(0); show_told(); }
/* another thread ends: nothing */
static void *idle(void *a) { return 0; }
static void by_other_thread(void)
{
    pthread_t t;
    if (!fork()) { siginfo_t i; block(SIGUSR1); prctl(PR_SET_PDEATHSIG, SIGUSR1); write(ready[1], "r", 1); char l[60]; write(told[1], l, snprintf(l, 60, "another thread: %d\n", wait_for(SIGUSR1, &i, 50))); _exit(0); }
    char c; read(ready[0], &c, 1); pthread_create(&t, 0, idle, 0); pthread_join(t, 0); wait(0); show_told();
}
/* by a parent that a signal kills */
static void kills(void)
{
    int end[2]; char c; pipe(end);
    if (!fork()) {
        if (!fork()) { prctl(PR_SET_PDEATHSIG, SIGKILL); close(end[0]); write(ready[1], "r", 1); pause(); _exit(0); }
        read(ready[0], &c, 1); raise(SIGKILL);
    }
    int st; wait(&st); close(end[1]); printf("the maker died of %d, its child is gone %d\n", WTERMSIG(st), read(end[0], &c, 1) == 0); close(end[0]);
}
/* to a subreaper: each parent that ends is a death */
static void by_reaper(void)
{
    if (!fork()) {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        pid_t reaper = getpid();
        if (!fork()) {
            pid_t me = getpid();
            if (!fork()) {
                siginfo_t i; block(SIGUSR1); prctl(PR_SET_PDEATHSIG, SIGUSR1); write(ready[1], "r", 1);
                if (wait_for(SIGUSR1, &i, 5000) == SIGUSR1) say("parent", &i, me);
                write(ready[1], "r", 1);
                if (wait_for(SIGUSR1, &i, 5000) == SIGUSR1) say("reaper", &i, reaper);
                _exit(0);
            }
            char c; read(ready[0], &c, 1); _exit(0);
        }
        char c; wait(0); read(ready[0], &c, 1); _exit(0);
    }
    wait(0); show_told();
}
/* the first thread ends by itself, another one has the process go on */
static void *later(void *a) { usleep(20000); _exit(0); }
static void by_first_thread(void)
{
    if (!fork()) {
        pthread_t t; pid_t me = getpid();
        if (!fork()) {
            siginfo_t i; block(SIGUSR1); prctl(PR_SET_PDEATHSIG, SIGUSR1); write(ready[1], "r", 1);
            if (wait_for(SIGUSR1, &i, 5000) == SIGUSR1) say("first thread", &i, me);
            if (wait_for(SIGUSR1, &i, 5000) == SIGUSR1) say("the rest", &i, me);
            _exit(0);
        }
        char c; read(ready[0], &c, 1); pthread_create(&t, 0, later, 0); syscall(SYS_exit, 0);
    }
    wait(0); show_told();
}
/* one death after the other, down a long line */
static void line(void)
{
    int end[2], depth = 0; char c; pipe(end); pid_t first = fork();
    if (!first) {
        close(end[0]);
        for (;;) { prctl(PR_SET_PDEATHSIG, SIGKILL); if (++depth == 250) write(ready[1], "r", 1); if (depth == 250 || fork()) { pause(); _exit(0); } }
    }
    read(ready[0], &c, 1); close(end[1]); kill(first, SIGKILL); wait(0); printf("the line is gone %d\n", read(end[0], &c, 1) == 0);
}
int main(int argc, char **argv)
{
    pipe(ready); pipe(told);
    by_process(); by_thread(); by_other_thread(); kills(); by_reaper(); by_first_thread(); line();
    return 0;
}
