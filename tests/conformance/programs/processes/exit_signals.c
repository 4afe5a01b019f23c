/* The signal of a child's end: its own one, SIGCHLD for a new parent, and for one that has executed a program since. */
#define _GNU_SOURCE
#include "conform.h"
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
static int got[2];
static void note(int number) { got[number == SIGCHLD]++; }
static pid_t start(int signal) { return syscall(SYS_clone, signal, 0, 0, 0, 0); }
static void told(const char *what)
{
    printf("%s: SIGUSR1 %d SIGCHLD %d\n", what, got[0], got[1] > 0);
    got[0] = got[1] = 0;
}
static void reap(int options)
{
    int status;
    pid_t pid;
    do pid = waitpid(-1, &status, options); while (pid < 0 && errno == EINTR);
    printf("waitpid %s, status %#x\n", pid < 0 ? strerror(errno) : "a child", pid < 0 ? 0 : status);
}
static void second_program(int descriptor)
{
    char c = 0;
    write(descriptor, &c, 1);
    pause();
    told("after execve");
    reap(0);
    reap(__WALL);
    fflush(stdout);
    _exit(0);
}
int main(int count, char **arguments)
{
    setvbuf(stdout, 0, _IONBF, 0);
    signal(SIGUSR1, note);
    signal(SIGCHLD, note);
    if (count > 1) second_program(atoi(arguments[1]));
    pid_t me = getpid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);

    if (!start(SIGUSR1)) _exit(1);
    reap(__WALL);
    told("its own");

    if (!start(SIGCHLD)) {
        if (!start(SIGUSR1)) { while (getppid() != me) usleep(1000); _exit(2); }
        _exit(0);
    }
    reap(0);
    reap(0);
    told("a new parent");

    if (!start(SIGCHLD)) {
        if (!start(SIGKILL)) { while (getppid() != me) usleep(1000); _exit(6); }
        if (!start(SIGKILL)) _exit(3);
        pause();
    }
    int sum = 0, status;
    for (int i = 0; i < 3; i++) {
        pid_t pid;
        do pid = wait(&status); while (pid < 0 && errno == EINTR);
        sum += pid < 0 ? 1 << 20 : status;
    }
    printf("statuses %#x\n", sum);
    told("a parent that the signal kills");

    int fds[2];
    pipe(fds);
    if (!start(SIGCHLD)) {
        char word[12], c;
        if (!start(SIGUSR1)) { read(fds[0], &c, 1); usleep(20000); _exit(4); }
        snprintf(word, sizeof word, "%d", fds[1]);
        execl("/proc/self/exe", "again", word, NULL);
        _exit(5);
    }
    reap(0);
    return 0;
}
