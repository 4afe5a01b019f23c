/* Threads and processes that wait for record locks and flock: order, signals, deadlock, death, close, exec. */
#include "conform.h"
#include <pthread.h>
#include <sys/file.h>
#include <sys/wait.h>

static int file, results[2], seen;

static int lock(int fd, int command, int type, long start, long length)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, command, &lock) ? -errno : 0;
}

static void say(const char *text)
{
    MUST(write(results[1], text, strlen(text) + 1));
}

/* What the others said, `count` texts in their order. */
static void hear(int count)
{
    char c;
    while (count)
        if (read(results[0], &c, 1) == 1 && !c)
            printf(--count ? " | " : "\n");
        else
            putchar(c);
    fflush(stdout);
}

static void pause_ms(int ms) { usleep(ms * 3000); }

/* Return once process `pid` sleeps, seen five times in a row. */
static int asleep(int pid)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    for (int times = 0; times < 5;) {
        usleep(2000);
        int fd = open(path, O_RDONLY), size = fd < 0 ? 0 : read(fd, text, 255);
        if (size <= 0)
            break;
        close(fd), text[size] = 0;
        times = strstr(text, ") S") || strstr(text, ") Z") ? times + 1 : 0;
    }
    return pid;
}

static int waiter(const char *name, int type, long start, long length)
{
    int child = MUST(fork());
    if (!child) {
        char text[64];
        snprintf(text, sizeof text, "%s %s", name, errno_name(-lock(file, F_SETLKW, type, start, length)));
        say(text);
        pause_ms(10);
        _exit(0);
    }
    return asleep(child);
}

static void handler(int signo) { seen++; }

static void *in_thread(void *argument)
{
    (void)argument;
    char text[64];
    snprintf(text, sizeof text, "thread %d", lock(file, F_SETLKW, F_WRLCK, 500, 1));
    say(text);
    return NULL;
}

int main(void)
{
    int status, other[2];
    file = MUST(open("data", O_RDWR | O_CREAT, 0600));
    MUST(pipe(results)), MUST(pipe(other));
    /* One release, and the waiters that conflict come in order; readers go together. */
    MUST(lock(file, F_SETLK, F_WRLCK, 0, 100));
    waiter("first", F_WRLCK, 0, 10), waiter("second", F_WRLCK, 5, 10), waiter("third", F_WRLCK, 0, 20);
    MUST(lock(file, F_SETLK, F_UNLCK, 0, 0)), hear(3);
    while (wait(&status) > 0)
        ;
    MUST(lock(file, F_SETLK, F_WRLCK, 0, 100)), waiter("far", F_RDLCK, 50, 1), waiter("far", F_RDLCK, 50, 1);
    MUST(lock(file, F_SETLK, F_UNLCK, 40, 60)), hear(2);
    printf("a reader beside them %d, a writer %d\n", lock(file, F_SETLK, F_RDLCK, 50, 1), lock(file, F_SETLK, F_WRLCK, 50, 1) == -EAGAIN);
    while (wait(&status) > 0)
        ;
    /* A waiter that dies, and one behind it. */
    MUST(lock(file, F_SETLK, F_WRLCK, 0, 10));
    int dies = waiter("dies", F_WRLCK, 0, 10);
    waiter("behind", F_WRLCK, 0, 10);
    kill(dies, SIGKILL), pause_ms(5);
    MUST(lock(file, F_SETLK, F_UNLCK, 0, 0)), hear(1);
    while (wait(&status) > 0)
        ;
    /* A holder that dies. */
    int holder = waiter("holder", F_WRLCK, 0, 0);
    printf("%d\n", lock(file, F_SETLKW, F_WRLCK, 3, 1)), hear(1), waitpid(holder, &status, 0);
    MUST(lock(file, F_SETLK, F_UNLCK, 0, 0));
    /* Signals: EINTR without SA_RESTART; with it the call waits on. */
    MUST(lock(file, F_SETLK, F_WRLCK, 20, 1));
    int pid = MUST(fork());
    if (!pid) {
        struct sigaction action = {.sa_handler = handler};
        char text[64];
        MUST(lock(file, F_SETLK, F_WRLCK, 10, 1));
        sigaction(SIGUSR1, &action, NULL), action.sa_flags = SA_RESTART, sigaction(SIGUSR2, &action, NULL);
        say("ready");
        snprintf(text, sizeof text, "interrupted %s", errno_name(-lock(file, F_SETLKW, F_WRLCK, 20, 1))), say(text);
        snprintf(text, sizeof text, "restarted %d", lock(file, F_SETLKW, F_WRLCK, 20, 1)), say(text);
        snprintf(text, sizeof text, "handlers %d", seen), say(text);
        _exit(0);
    }
    hear(1), asleep(pid);
    kill(pid, SIGUSR1), hear(1), asleep(pid), kill(pid, SIGUSR2), pause_ms(10), asleep(pid);
    MUST(lock(file, F_SETLK, F_UNLCK, 20, 1)), hear(2), waitpid(pid, &status, 0);
    /* Deadlock: the parent holds 0, the child 1, each asks for the other's; also over three processes. */
    MUST(lock(file, F_SETLK, F_WRLCK, 0, 1));
    pid = MUST(fork());
    if (!pid) {
        char text[64];
        MUST(lock(file, F_SETLK, F_WRLCK, 1, 1));
        int third = MUST(fork());
        if (!third) {
            MUST(lock(file, F_SETLK, F_WRLCK, 2, 1)), say("ready");
            snprintf(text, sizeof text, "third %d", lock(file, F_SETLKW, F_WRLCK, 1, 1)), say(text);
            _exit(0);
        }
        say("ready");
        snprintf(text, sizeof text, "child %d", lock(file, F_SETLKW, F_WRLCK, 0, 1)), say(text);
        waitpid(third, &status, WNOHANG);
        MUST(lock(file, F_SETLK, F_UNLCK, 0, 0)), waitpid(third, &status, 0);
        _exit(0);
    }
    hear(2), pause_ms(5), asleep(pid), pause_ms(5), asleep(pid), pause_ms(20);
    printf("parent %s", errno_name(-lock(file, F_SETLKW, F_WRLCK, 1, 1)));
    printf(" %s", errno_name(-lock(file, F_SETLKW, F_RDLCK, 2, 1)));
    printf(" %s\n", errno_name(-lock(file, F_OFD_SETLK, F_WRLCK, 1, 1)));
    MUST(lock(file, F_SETLK, F_UNLCK, 0, 0)), hear(2), waitpid(pid, &status, 0);
    /* Threads are one owner; closing any descriptor of the file drops the process's locks and lets others go on. */
    MUST(lock(file, F_SETLK, F_WRLCK, 500, 1));
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, NULL), pthread_join(thread, NULL), hear(1);
    int again = MUST(open("data", O_RDONLY));
    waiter("at close", F_WRLCK, 500, 1), close(again), hear(1), wait(&status);
    /* exec keeps record locks; descriptors that it closes drop them. */
    pid = MUST(fork());
    if (!pid) {
        MUST(lock(file, F_SETLK, F_WRLCK, 600, 1)), MUST(fcntl(file, F_SETFD, FD_CLOEXEC)), say("locked");
        MUST(dup2(results[1], 7)), pause_ms(20);
        execl("/nowhere", "nowhere", NULL);
        fcntl(file, F_SETFD, 0);
        close(dup(file));
        say("dropped"), pause_ms(20), _exit(0);
    }
    hear(1), printf("%s\n", errno_name(-lock(file, F_SETLK, F_WRLCK, 600, 1)));
    printf("%d\n", lock(file, F_SETLKW, F_WRLCK, 600, 1)), hear(1), waitpid(pid, &status, 0);
    /* flock: the open file is the owner, a change of kind drops the old lock first. */
    int one = MUST(open("data", O_RDWR)), two = MUST(open("data", O_RDONLY)), copy = dup(one);
    SHOW(flock(one, LOCK_SH)), SHOW(flock(two, LOCK_SH)), SHOW(flock(copy, LOCK_EX | LOCK_NB)), SHOW(flock(two, LOCK_EX | LOCK_NB));
    SHOW(flock(one, LOCK_SH | LOCK_NB)), SHOW(flock(one, LOCK_UN)), SHOW(flock(two, LOCK_EX)), SHOW(flock(two, 0));
    SHOW(flock(two, LOCK_SH | LOCK_EX)), SHOW(flock(99, LOCK_SH)), SHOW(flock(two, 32)), SHOW(flock(open("data", O_PATH), LOCK_SH));
    SHOW(lock(one, F_SETLK, F_WRLCK, 0, 0)), SHOW(lock(one, F_SETLK, F_UNLCK, 0, 0));
    pid = MUST(fork());
    if (!pid) {
        char text[64];
        snprintf(text, sizeof text, "flock %d", flock(one, LOCK_EX)), say(text);
        snprintf(text, sizeof text, "inherited %d", flock(two, LOCK_UN)), say(text);
        _exit(0);
    }
    asleep(pid), SHOW(flock(two, LOCK_SH)), pause_ms(10), asleep(pid), SHOW(close(two)), pause_ms(10);
    printf("child of the lock: "), fflush(stdout);
    kill(pid, 0), flock(dup(open("data", O_RDONLY)), LOCK_SH | LOCK_NB) ? puts("busy") : puts("free");
    kill(pid, SIGKILL), waitpid(pid, &status, 0), SHOW(flock(copy, LOCK_EX | LOCK_NB));
    int ends[2];
    MUST(pipe(ends)), SHOW(flock(ends[0], LOCK_EX)), SHOW(flock(ends[1], LOCK_EX | LOCK_NB)), SHOW(lock(ends[1], F_SETLK, F_WRLCK, 0, 1));
    return 0;
}
