/* Record locks: ranges that split and merge, whence and negative lengths, what F_GETLK tells, errors, releases. */
#include "conform.h"
#include <sys/wait.h>

static int file, up[2], down[2];

static int lock_from(int fd, int command, int type, int whence, long start, long length)
{
    struct flock lock = {.l_type = type, .l_whence = whence, .l_start = start, .l_len = length};
    return fcntl(fd, command, &lock);
}

static int lock(int type, long start, long length)
{
    return lock_from(file, F_SETLK, type, SEEK_SET, start, length);
}

/* In the child: all that the parent holds, seen from outside. */
static void list(void)
{
    long at = 0;
    for (;;) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at};
        if (fcntl(file, F_GETLK, &lock) || lock.l_type == F_UNLCK)
            break;
        printf(" %s %ld+%ld%s", lock.l_type == F_RDLCK ? "r" : "w", (long)lock.l_start, (long)lock.l_len,
               lock.l_pid == getppid() && lock.l_whence == SEEK_SET ? "" : "?");
        if (!lock.l_len)
            break;
        at = lock.l_start + lock.l_len;
    }
    printf("\n");
    fflush(stdout);
}

static void held(const char *when)
{
    char c = 'l';
    printf("%s:", when);
    fflush(stdout);
    MUST(write(down[1], &c, 1));
    MUST(read(up[0], &c, 1));
}

int main(void)
{
    char c;
    file = MUST(open("data", O_RDWR | O_CREAT, 0600));
    MUST(pipe(up)), MUST(pipe(down)), MUST(ftruncate(file, 1000));
    if (!MUST(fork())) {
        close(down[1]);
        while (read(down[0], &c, 1) == 1) {
            list();
            MUST(write(up[1], &c, 1));
        }
        _exit(0);
    }
    SHOW(lock(F_WRLCK, 10, 10)), SHOW(lock(F_WRLCK, 30, 10)), held("two");
    SHOW(lock(F_WRLCK, 20, 10)), held("the gap closed");
    SHOW(lock(F_UNLCK, 15, 5)), held("a hole");
    SHOW(lock(F_RDLCK, 22, 2)), held("three kinds");
    SHOW(lock(F_RDLCK, 5, 17)), held("over both");
    SHOW(lock(F_WRLCK, 0, 100)), held("all write");
    SHOW(lock(F_UNLCK, 99, 1)), SHOW(lock(F_UNLCK, 0, 1)), held("ends cut");
    SHOW(lock(F_RDLCK, 50, 0)), held("to the end");
    SHOW(lock(F_RDLCK, 40, 11)), SHOW(lock(F_UNLCK, 60, 0)), held("cut again");
    SHOW(lock(F_UNLCK, 0, 0)), held("none");
    MUST(lseek(file, 100, SEEK_SET));
    SHOW(lock_from(file, F_SETLK, F_WRLCK, SEEK_CUR, -10, 20)), SHOW(lock_from(file, F_SETLK, F_RDLCK, SEEK_END, 0, -1));
    SHOW(lock_from(file, F_SETLK, F_RDLCK, SEEK_CUR, 50, -20)), held("whence");
    SHOW(lock_from(file, F_SETLK, F_WRLCK, SEEK_SET, 5, -6)), SHOW(lock_from(file, F_SETLK, F_WRLCK, SEEK_SET, -1, 1));
    SHOW(lock_from(file, F_SETLK, F_WRLCK, SEEK_CUR, INT64_MAX, 1)), SHOW(lock_from(file, F_SETLK, F_WRLCK, 3, 0, 1));
    SHOW(lock_from(file, F_SETLK, F_WRLCK, SEEK_SET, 10, INT64_MAX)), SHOW(lock_from(file, F_SETLK, 7, 0, 0, 1));
    SHOW(lock_from(file, F_SETLK, F_WRLCK, SEEK_SET, 1, INT64_MAX)), held("to the last byte");
    SHOW(lock_from(file, F_GETLK, F_UNLCK, SEEK_SET, 0, 1)), SHOW(fcntl(file, F_SETLK, (void *)8));
    SHOW(lock_from(99, F_SETLK, F_WRLCK, SEEK_SET, 0, 1));
    int reader = MUST(open("data", O_RDONLY)), writer = MUST(open("data", O_WRONLY)), path = MUST(open("data", O_PATH));
    SHOW(lock_from(reader, F_SETLK, F_WRLCK, SEEK_SET, 0, 1)), SHOW(lock_from(writer, F_SETLK, F_RDLCK, SEEK_SET, 0, 1));
    SHOW(lock_from(reader, F_GETLK, F_WRLCK, SEEK_SET, 0, 1)), SHOW(lock_from(path, F_GETLK, F_WRLCK, SEEK_SET, 0, 1));
    held("before a close"), SHOW(close(reader)), held("after it");
    SHOW(lock(F_WRLCK, 1, 2)), SHOW(dup2(writer, 50)), held("dup2 to a free one"), SHOW(close(50)), held("closed");
    SHOW(lock(F_WRLCK, 1, 2)), SHOW(dup2(path, file)), held("dup2 over the file");
    /* Locks of open file descriptions: others than those of the process, shared by dup and fork. */
    int one = MUST(open("data", O_RDWR)), two = MUST(open("data", O_RDWR)), copy = MUST(dup(one));
    file = two;
    SHOW(lock_from(one, F_OFD_SETLK, F_WRLCK, SEEK_SET, 0, 10)), SHOW(lock_from(two, F_OFD_SETLK, F_RDLCK, SEEK_SET, 9, 1));
    SHOW(lock_from(two, F_SETLK, F_RDLCK, SEEK_SET, 9, 1)), SHOW(lock_from(copy, F_OFD_SETLK, F_RDLCK, SEEK_SET, 5, 5));
    SHOW(lock_from(two, F_OFD_SETLK, F_RDLCK, SEEK_SET, 9, 1)), SHOW(lock_from(two, F_SETLK, F_RDLCK, SEEK_SET, 5, 5));
    struct flock ask = {.l_type = F_WRLCK, .l_len = 9};
    SHOW(fcntl(two, F_OFD_GETLK, &ask)), printf("%d %ld %ld %d\n", ask.l_type, ask.l_start, ask.l_len, ask.l_pid);
    ask = (struct flock){.l_type = F_UNLCK, .l_start = 3};
    SHOW(fcntl(copy, F_OFD_GETLK, &ask)), printf("%d %ld %ld %d\n", ask.l_type, ask.l_start, ask.l_len, ask.l_pid);
    ask = (struct flock){.l_type = F_UNLCK, .l_start = 100, .l_len = 3, .l_whence = SEEK_CUR};
    SHOW(fcntl(copy, F_OFD_GETLK, &ask)), printf("%d %d %ld %ld\n", ask.l_type, ask.l_whence, ask.l_start, ask.l_len);
    ask.l_pid = 1, SHOW(fcntl(copy, F_OFD_SETLK, &ask)), SHOW(fcntl(copy, F_OFD_GETLK, &ask));
    int child = MUST(fork()), status;
    if (!child)
        _exit(lock_from(one, F_OFD_SETLK, F_RDLCK, SEEK_SET, 0, 0) ? errno : lock_from(one, F_SETLK, F_WRLCK, 0, 0, 1) ? 50 : 0);
    MUST(waitpid(child, &status, 0)), printf("child %d\n", WEXITSTATUS(status));
    close(one), SHOW(lock_from(two, F_OFD_SETLK, F_WRLCK, SEEK_SET, 0, 0));
    close(copy), SHOW(lock_from(two, F_OFD_SETLK, F_WRLCK, SEEK_SET, 0, 0));
    SHOW(lock_from(path, F_OFD_SETLK, F_RDLCK, SEEK_SET, 0, 0)), SHOW(lock_from(up[1], F_SETLK, F_WRLCK, SEEK_SET, 0, 0));
    return 0;
}
