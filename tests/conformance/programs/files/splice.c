/* splice, tee and vmsplice: buffers and their sizes, kinds of files, positions, errors, waiting. */
#include "conform.h"
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

static int held(int fd)
{
    int count;
    return ioctl(fd, FIONREAD, &count) ? -1 : count;
}

static void drain(int fd)
{
    char buffer[PAGE];
    while (held(fd) > 0 && read(fd, buffer, sizeof buffer) > 0)
        ;
}

int main(void)
{
    int memory = MUST(memfd_create("a", 0)), p[2], q[2], s[2], g[2], event = MUST(eventfd(0, 0));
    int zero = MUST(open("/dev/zero", O_RDWR)), null = MUST(open("/dev/null", O_RDWR)), full = MUST(open("/dev/full", O_RDWR));
    int file = MUST(open("file", O_RDWR | O_CREAT, 0600)), append = MUST(open("file", O_RDWR | O_APPEND));
    int directory = MUST(open(".", O_RDONLY)), status;
    size_t megabyte = 1 << 20;
    off_t at = 100;
    char *big = mmap(NULL, megabyte, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGPIPE, SIG_IGN);
    MUST(pipe2(p, O_NONBLOCK)), MUST(pipe2(q, O_NONBLOCK));
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s)), MUST(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, g));
    for (size_t i = 0; i < megabyte; i++)
        big[i] = 'a' + i % 26;
    MUST(write(memory, big, megabyte)), MUST(lseek(memory, 0, SEEK_SET));
    puts("-- pieces of pages");
    SHOW(splice(memory, &at, p[1], NULL, 5000, 0)), SHOW(at), SHOW(held(p[0]));
    SHOW(splice(p[0], NULL, q[1], NULL, 4000, 0)), SHOW(splice(p[0], NULL, q[1], NULL, 4000, 0));
    SHOW(splice(p[0], NULL, q[1], NULL, 4000, 0)), SHOW(tee(q[0], p[1], 3000, 0)), SHOW(tee(q[0], p[1], 100000, 0));
    SHOW(held(p[0])), SHOW(held(q[0])), SHOW(write(p[1], "joins nothing", 13));
    SHOW(splice(memory, NULL, p[1], NULL, megabyte, 0)), SHOW(held(p[0])), SHOW(splice(memory, NULL, p[1], NULL, 1, 0));
    SHOW(lseek(memory, 0, SEEK_CUR)), SHOW(tee(q[0], p[1], 1, 0));
    SHOW(splice(p[0], NULL, file, NULL, megabyte, 0)), SHOW(lseek(file, 0, SEEK_CUR)), SHOW(held(p[0])), at = 5;
    SHOW(splice(q[0], NULL, file, &at, 10, 0)), SHOW(at), SHOW(pread(file, big, 20, 0)), printf("%.20s\n", big);
    puts("-- errors");
    SHOW(tee(p[0], p[1], 1, 0)), SHOW(tee(q[0], memory, 1, 0)), SHOW(tee(p[0], q[1], 0, 0)), SHOW(tee(p[0], q[1], 0, 0x100));
    SHOW(tee(99, q[1], 0, 0)), SHOW(tee(99, q[1], 1, 0)), SHOW(tee(q[1], p[1], 1, 0));
    SHOW(splice(q[0], &at, file, NULL, 10, 0)), SHOW(splice(file, NULL, q[1], &at, 10, 0)), SHOW(splice(q[0], NULL, append, NULL, 10, 0));
    SHOW(splice(file, NULL, memory, NULL, 10, 0)), SHOW(splice(99, NULL, memory, NULL, 0, 0)), SHOW(splice(99, NULL, q[1], NULL, 1, 0));
    SHOW(splice(99, NULL, q[1], NULL, 1, 0x100)), SHOW(splice(q[0], NULL, q[1], NULL, 1, 0)), SHOW(splice(q[1], NULL, file, NULL, 1, 0));
    at = -1, SHOW(splice(file, &at, q[1], NULL, 10, 0)), SHOW(splice(file, (void *)8, q[1], NULL, 10, 0));
    puts("-- other files");
    SHOW(splice(event, NULL, q[1], NULL, 10, 0)), SHOW(splice(q[0], NULL, event, NULL, 8, 0)), SHOW(splice(directory, NULL, q[1], NULL, 10, 0));
    SHOW(splice(null, NULL, q[1], NULL, 10, 0)), SHOW(splice(zero, NULL, q[1], NULL, 10000, 0)), SHOW(held(q[0]));
    SHOW(splice(q[0], NULL, null, NULL, 100, 0)), SHOW(splice(q[0], NULL, full, NULL, 100, 0)), SHOW(splice(q[0], NULL, zero, NULL, 100, 0));
    SHOW(held(q[0])), MUST(write(s[1], big, 10000)), SHOW(splice(s[0], NULL, q[1], NULL, 5, 0));
    SHOW(splice(s[0], NULL, q[1], NULL, 100000, 0)), SHOW(splice(s[0], NULL, q[1], NULL, 100, 0)), SHOW(held(q[0]));
    SHOW(splice(q[0], NULL, s[1], NULL, 100000, 0)), SHOW(held(q[0])), SHOW(held(s[0]));
    MUST(write(g[1], big, 1000)), SHOW(splice(g[0], NULL, q[1], NULL, 5, 0)), SHOW(splice(g[0], NULL, q[1], NULL, 5, 0));
    SHOW(splice(q[0], NULL, g[0], NULL, 9, 0)), SHOW(held(g[1]));
    puts("-- vmsplice");
    struct iovec v[3] = {{big + 100, 5000}, {big + 3 * PAGE, PAGE}, {big + 10, 1}};
    SHOW(vmsplice(q[1], v, 3, 0)), SHOW(held(q[0])), SHOW(vmsplice(q[1], v, 3, 0x100)), SHOW(vmsplice(q[1], v, 1025, 0));
    SHOW(vmsplice(file, v, 3, 0)), SHOW(vmsplice(99, v, 3, 0)), SHOW(vmsplice(q[1], v, 0, 0)), v[1].iov_base = (void *)8;
    SHOW(vmsplice(q[1], v, 3, 0)), SHOW(vmsplice(q[1], v + 1, 1, 0)), SHOW(held(q[0])), v[1].iov_base = big, v[0].iov_len = 1 << 19;
    SHOW(vmsplice(q[1], v, 1, 2)), SHOW(held(q[0])), SHOW(vmsplice(q[1], v, 1, 2)), v[0].iov_len = 6000;
    SHOW(vmsplice(q[0], v, 2, 0)), SHOW(held(q[0])), drain(q[0]), SHOW(vmsplice(q[0], v, 1, 2));
    MUST(write(q[1], "abc", 3)), v[0].iov_base = (void *)8, SHOW(vmsplice(q[0], v, 1, 2)), SHOW(vmsplice(q[0], v + 1, 1, 2));
    puts("-- sendfile");
    MUST(lseek(file, 0, SEEK_SET)), drain(q[0]), drain(s[0]), drain(s[1]);
    SHOW(sendfile(q[1], file, NULL, 100)), SHOW(sendfile(q[1], s[0], NULL, 100)), MUST(write(s[1], "abcd", 4));
    SHOW(sendfile(q[1], s[0], NULL, 100)), SHOW(sendfile(file, s[0], NULL, 100)), SHOW(sendfile(q[1], p[0], NULL, 100));
    SHOW(sendfile(s[0], q[0], NULL, 10)), at = 0, SHOW(sendfile(q[1], s[0], &at, 10)), SHOW(sendfile(file, zero, NULL, 100));
    SHOW(sendfile(q[1], zero, NULL, 100)), SHOW(sendfile(file, null, NULL, 1)), SHOW(sendfile(event, file, NULL, 8)), SHOW(sendfile(null, file, NULL, 8));
    SHOW(sendfile(file, directory, NULL, 8)), SHOW(sendfile(append, file, NULL, 8)), at = INT64_MAX, SHOW(sendfile(file, memory, &at, 8));
    SHOW(sendfile(full, memory, NULL, 8)), SHOW(sendfile(s[0], file, NULL, 5000)), SHOW(held(s[1])), drain(q[0]), at = 100;
    SHOW(sendfile(q[1], memory, &at, megabyte)), SHOW(held(q[0])), SHOW(sendfile(q[1], memory, &at, megabyte)), SHOW(at);
    MUST(lseek(memory, 0, SEEK_SET)), SHOW(sendfile(file, memory, NULL, 0)), SHOW(sendfile(file, memory, NULL, 1L << 40));
    puts("-- closed ends");
    close(p[0]), at = 0, SHOW(splice(memory, &at, p[1], NULL, 1, 0)), SHOW(sendfile(p[1], memory, &at, 1)), SHOW(tee(q[0], p[1], 1, 0));
    SHOW(vmsplice(p[1], v + 1, 1, 0)), close(q[1]), SHOW(splice(q[0], NULL, file, NULL, megabyte, 0)), SHOW(splice(q[0], NULL, file, NULL, 1, 0));
    SHOW(vmsplice(q[0], v + 1, 1, 0)), close(p[1]), close(q[0]);
    puts("-- waiting");
    MUST(pipe(p)), MUST(pipe(q));
    int child = MUST(fork());
    if (!child) {
        close(p[1]), close(q[0]);
        long sum = 0, moved;
        while ((moved = splice(p[0], NULL, q[1], NULL, 30000, 0)) > 0)
            sum += moved;
        _exit(sum != (long)megabyte || moved);
    }
    close(p[0]), close(q[1]);
    if (!MUST(fork())) {
        close(q[0]), MUST(lseek(memory, 0, SEEK_SET));
        for (long left = megabyte; left;)
            left -= MUST(splice(memory, NULL, p[1], NULL, left, 0));
        _exit(0);
    }
    close(p[1]), MUST(ftruncate(file, 0)), MUST(lseek(file, 0, SEEK_SET));
    long sum = 0, moved;
    while ((moved = splice(q[0], NULL, file, NULL, megabyte, 0)) > 0)
        sum += moved;
    SHOW(sum), MUST(waitpid(child, &status, 0)), SHOW(WEXITSTATUS(status)), MUST(wait(&status));
    char *one = mmap(NULL, megabyte, PROT_READ, MAP_SHARED, memory, 0), *two = mmap(NULL, megabyte, PROT_READ, MAP_SHARED, file, 0);
    SHOW(memcmp(one, two, megabyte));
    return 0;
}
