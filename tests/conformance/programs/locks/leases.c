/* Leases: which open files allow them, what breaks them, who is told, what the other open waits for. */
#include "conform.h"
#include <sys/wait.h>

static volatile int told, told_code, told_fd;

static void handler(int signo, siginfo_t *info, void *context)
{
    told = signo, told_code = info->si_code, told_fd = info->si_fd;
}

static int pid;

static void opener(int flags, const char *text)
{
    fflush(stdout);
    pid = MUST(fork());
    if (!pid) {
        close_range(3, ~0u, 0);
        int fd = open("data", flags);
        printf("%s: %s\n", text, fd < 0 ? errno_name(errno) : "opened");
        fflush(stdout);
        _exit(0);
    }
    usleep(200000);
}

static void ended(void)
{
    int status;
    MUST(waitpid(pid, &status, 0));
    printf("told %d\n", told), told = 0;
}

int main(void)
{
    int writer = MUST(open("data", O_RDWR | O_CREAT, 0600)), memory = MUST(memfd_create("a", 0)), ends[2];
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGIO, &action, NULL), sigaction(SIGRTMIN, &action, NULL), MUST(pipe(ends));
    SHOW(fcntl(writer, F_GETLEASE)), SHOW(fcntl(writer, F_SETLEASE, F_RDLCK)), SHOW(fcntl(writer, F_SETLEASE, F_UNLCK)), SHOW(fcntl(writer, F_SETLEASE, 7));
    SHOW(fcntl(writer, F_SETLEASE, F_WRLCK)), SHOW(fcntl(writer, F_GETLEASE)), SHOW(fcntl(writer, F_GETOWN) == getpid());
    SHOW(fcntl(ends[0], F_SETLEASE, F_RDLCK)), SHOW(fcntl(ends[0], F_GETLEASE)), SHOW(fcntl(open(".", O_RDONLY), F_SETLEASE, F_RDLCK));
    opener(O_RDONLY, "a reader"), SHOW(fcntl(writer, F_GETLEASE)), SHOW(fcntl(writer, F_SETLEASE, F_UNLCK)), ended();
    SHOW(fcntl(writer, F_SETLEASE, F_WRLCK)), opener(O_RDONLY | O_NONBLOCK, "a reader that does not wait"), SHOW(fcntl(writer, F_GETLEASE));
    SHOW(fcntl(writer, F_SETLEASE, F_UNLCK)), ended(), close(writer);
    int reader = MUST(open("data", O_RDONLY)), other = MUST(open("data", O_RDONLY));
    SHOW(fcntl(reader, F_SETLEASE, F_WRLCK)), SHOW(fcntl(reader, F_SETLEASE, F_RDLCK)), SHOW(fcntl(other, F_SETLEASE, F_RDLCK));
    SHOW(fcntl(reader, F_SETSIG, SIGRTMIN));
    opener(O_RDONLY, "a reader"), ended(), opener(O_WRONLY, "a writer"), SHOW(fcntl(reader, F_GETLEASE)), SHOW(fcntl(other, F_GETLEASE));
    SHOW(fcntl(reader, F_SETLEASE, F_UNLCK)), usleep(100000), SHOW(close(other)), ended();
    printf("%d %d\n", told_code, told_fd == reader);
    SHOW(fcntl(reader, F_SETLEASE, F_WRLCK)), opener(O_RDONLY, "a reader"), SHOW(fcntl(reader, F_SETLEASE, F_RDLCK)), ended(), SHOW(fcntl(reader, F_GETLEASE));
    SHOW(fcntl(reader, F_SETLEASE, F_RDLCK)), fflush(stdout), pid = MUST(fork());
    if (!pid) {
        printf("truncated %d\n", truncate("data", 0)), fflush(stdout);
        _exit(0);
    }
    usleep(200000), SHOW(fcntl(reader, F_GETLEASE)), SHOW(fcntl(reader, F_SETLEASE, F_UNLCK)), ended();
    return 0;
}
