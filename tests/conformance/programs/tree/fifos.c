/* FIFOs: opens that wait for each other, signals, hang-ups, ends that come and go; mknod of every kind; files without
   a name. In a directory of the host and in one in RAM. */
#include "conform.h"
#include <poll.h>
#include <signal.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>

static void nothing(int signal) {}

static int events(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT};
    MUST(poll(&p, 1, 0));
    return p.revents;
}

static void opens(void)
{
    char text[32] = "";
    struct stat status;
    SHOW(mkfifo("f", 0666)), SHOW(mkfifo("f", 0600)), SHOW(mkfifo("none/f", 0600)), SHOW(mkfifo("f2/", 0600));
    MUST(stat("f", &status));
    printf("%o links %ld size %ld\n", status.st_mode, (long)status.st_nlink, (long)status.st_size);
    SHOW(open("f", O_WRONLY | O_NONBLOCK)), SHOW(open("f", O_RDONLY | O_DIRECTORY)), SHOW(open("f", O_CREAT | O_EXCL, 0600));
    int r = MUST(open("f", O_RDONLY | O_NONBLOCK));
    SHOW(events(r)), SHOW(read(r, text, 8));
    int w = MUST(open("f", O_WRONLY | O_NONBLOCK | O_TRUNC | O_CREAT, 0600));
    printf("flags %o %o\n", fcntl(r, F_GETFL), fcntl(w, F_GETFL));
    SHOW(read(r, text, 8)), SHOW(write(w, "some", 4)), SHOW(events(r)), SHOW(events(w));
    SHOW(close(w)), SHOW(events(r)), SHOW(read(r, text, 8)), SHOW(read(r, text, 8)), SHOW(events(r));
    w = MUST(open("f", O_WRONLY));
    SHOW(close(r)), SHOW(events(w)), SHOW(write(w, "x", 1)), SHOW(close(w));
    int both = MUST(open("f", O_RDWR));
    SHOW(events(both)), SHOW(write(both, "both", 4)), SHOW(events(both)), SHOW(read(both, text, 2));
    SHOW(lseek(both, 0, SEEK_SET)), SHOW(ftruncate(both, 0)), SHOW(fsync(both)), SHOW(fcntl(both, F_GETPIPE_SZ));
    SHOW_POINTER(mmap(0, 4096, PROT_READ, MAP_SHARED, both, 0));
    r = MUST(open("f", O_RDONLY)), w = MUST(open("f", O_WRONLY));
    SHOW(close(both)), SHOW(read(r, text, 8)), SHOW(write(w, "lost", 4)), SHOW(close(r)), SHOW(close(w));
    r = MUST(open("f", O_RDONLY | O_NONBLOCK));
    SHOW(read(r, text, 8)), SHOW(close(r));
}

static void waits(void)
{
    char text[32] = "";
    struct sigaction action = {.sa_handler = nothing};
    struct itimerval soon = {.it_value = {0, 20000}};
    MUST(sigaction(SIGALRM, &action, NULL));
    MUST(setitimer(ITIMER_REAL, &soon, NULL));
    SHOW(open("f", O_RDONLY));
    MUST(setitimer(ITIMER_REAL, &soon, NULL));
    SHOW(open("f", O_WRONLY));
    SHOW(open("f", O_WRONLY | O_NONBLOCK));
    if (fork() == 0) { /* gone before the reader runs again, but it came */
        int w = open("f", O_WRONLY);
        write(w, "came", 4);
        _exit(0);
    }
    int r = MUST(open("f", O_RDONLY));
    wait(NULL);
    SHOW(read(r, text, 32)), SHOW(read(r, text, 32)), SHOW(close(r));
    for (int i = 0; i < 2; i++)
        if (fork() == 0) {
            char c = '-';
            int in = open("f", O_RDONLY | O_CLOEXEC);
            _exit(read(in, &c, 1) == 1 ? c : fcntl(in, F_GETFD) + 1);
        }
    usleep(50000);
    int w = MUST(open("f", O_WRONLY)), status, sum = 0;
    MUST(write(w, "ab", 2));
    for (int i = 0; i < 2; i++)
        wait(&status), sum += WEXITSTATUS(status);
    SHOW(sum == 'a' + 'b'), SHOW(write(w, "x", 1)), SHOW(close(w));
    SHOW(link("f", "g")), SHOW(rename("g", "h"));
    int one = MUST(open("f", O_RDWR)), other = MUST(open("h", O_RDWR));
    SHOW(write(one, "linked", 6)), SHOW(read(other, text, 32));
    SHOW(unlink("f")), SHOW(unlink("h")), SHOW(open("f", O_RDWR)), SHOW(write(one, "y", 1)), SHOW(read(other, text, 1));
    struct stat s;
    MUST(fstat(one, &s));
    printf("links %ld\n", (long)s.st_nlink);
    close(one), close(other);
}

static void kinds(void)
{
    struct stat s;
    int modes[] = {S_IFREG | 0644, 0600, S_IFSOCK | 0600, S_IFIFO | 0640, S_IFDIR | 0700, S_IFLNK | 0700, 0170000};
    for (int i = 0; i < 7; i++) {
        printf("%o ", modes[i]);
        SHOW(mknod("n", modes[i], 0));
        if (!lstat("n", &s))
            printf("mode %o\n", s.st_mode);
        SHOW(open("n", O_RDWR)), SHOW(unlink("n"));
    }
}

static void unnamed(void)
{
    struct stat s;
    char text[8] = "";
    SHOW(open(".", O_TMPFILE | O_RDONLY, 0600)), SHOW(open(".", O_TMPFILE | O_RDWR | O_CREAT, 0600));
    SHOW(open("none", O_TMPFILE | O_RDWR, 0600)), SHOW(open("/proc", O_TMPFILE | O_RDWR, 0600));
    int fd = MUST(open(".", O_TMPFILE | O_RDWR, 0666)), own = MUST(open(".", O_TMPFILE | O_WRONLY | O_EXCL, 0600));
    MUST(fstat(fd, &s));
    printf("%o links %ld flags %o\n", s.st_mode, (long)s.st_nlink, fcntl(fd, F_GETFL));
    SHOW(write(fd, "unnamed", 7)), SHOW(rmdir("n")), SHOW(linkat(own, "", AT_FDCWD, "n", AT_EMPTY_PATH));
    SHOW(linkat(fd, "", AT_FDCWD, "n", AT_EMPTY_PATH)), SHOW(linkat(fd, "", AT_FDCWD, "n", AT_EMPTY_PATH));
    MUST(fstat(fd, &s));
    printf("links %ld\n", (long)s.st_nlink);
    int again = MUST(open("n", O_RDONLY));
    SHOW(read(again, text, 8)), puts(text), SHOW(unlink("n")), SHOW(pread(fd, text, 8, 2));
    SHOW(linkat(fd, "", AT_FDCWD, "n", AT_EMPTY_PATH));
    close(fd), close(own), close(again);
}

int main(void)
{
    char *places[] = {".", "/dev/shm/pffemu-fifos"};
    signal(SIGPIPE, SIG_IGN);
    umask(027);
    mkdir(places[1], 0700);
    for (int i = 0; i < 2; i++) {
        MUST(chdir(places[i]));
        opens(), waits(), kinds(), unnamed();
    }
    SHOW(rmdir(places[1]));
    return 0;
}
