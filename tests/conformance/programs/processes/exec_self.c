/* execve of the own file: arguments, environment, descriptors, handlers, masks, threads that go, errors. */
#include "conform.h"
#include <pthread.h>
#include <sys/wait.h>
static void on(int s) {}
static void *spin(void *a) { for (;;) usleep(1000); }
static void *from_thread(void *a) { char **argv = a; char *args[] = {argv[0], "thread", 0}; execv("/proc/self/exe", args); return 0; }
static int ignored(int s) { struct sigaction sa; sigaction(s, 0, &sa); return sa.sa_handler == SIG_IGN ? 1 : sa.sa_handler == SIG_DFL ? 0 : 2; }
int main(int argc, char **argv, char **envp)
{
    if (argc > 1) {
        sigset_t set; sigprocmask(SIG_BLOCK, 0, &set);
        printf("%s: argc %d last %s env %s usr1 %d usr2 %d blocked %d fd8 %d fd9 %d tid %d\n", argv[1], argc, argv[argc - 1], envp[0] ? envp[0] : "none",
               ignored(SIGUSR1), ignored(SIGUSR2), sigismember(&set, SIGHUP), fcntl(8, F_GETFD) >= 0, fcntl(9, F_GETFD) >= 0, gettid() == getpid());
        return 20 + argc;
    }
    char *args[] = {argv[0], "child", "with", "three words", 0}, *vars[] = {"A=1", "B=2", 0}; int st; pid_t p; pthread_t t; sigset_t set;
    signal(SIGUSR1, on); signal(SIGUSR2, SIG_IGN); dup2(1, 8); dup2(1, 9); fcntl(9, F_SETFD, FD_CLOEXEC);
    sigemptyset(&set); sigaddset(&set, SIGHUP); sigprocmask(SIG_BLOCK, &set, 0);
    SHOW(execve("/nothing", args, vars)); SHOW(execve("/", args, vars)); SHOW(execve((void *)8, args, vars)); SHOW(execve("/proc/self/exe", (void *)8, vars)); SHOW(execve("", args, vars));
    fflush(stdout);
    if (!(p = fork())) { execve("/proc/self/exe", args, vars); _exit(99); }
    waitpid(p, &st, 0); printf("status %d\n", WEXITSTATUS(st)); fflush(stdout);
    if (!(p = vfork())) { execve("/proc/self/exe", args, vars); _exit(99); }
    waitpid(p, &st, 0); printf("vfork status %d\n", WEXITSTATUS(st)); fflush(stdout);
    if (!(p = fork())) { pthread_create(&t, 0, spin, 0); execve("/proc/self/exe", args, 0); _exit(99); }
    waitpid(p, &st, 0); printf("with threads %d\n", WEXITSTATUS(st)); fflush(stdout);
    if (!(p = fork())) { pthread_create(&t, 0, from_thread, argv); spin(0); }
    waitpid(p, &st, 0); printf("from a thread %d\n", WEXITSTATUS(st)); fflush(stdout);
    execve("/proc/self/exe", args, vars);
    return 1;
}
