/* needs: userfaultfd
 * The time of a call begins before it looks at memory: a page that comes after most of it gives the call no more. */
#include "conform.h"
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "uffd.h"
static char *area;
static long elapsed(struct timespec *since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}
static void *call(void *futex)
{
    struct timespec since, limit = {0, 400000000};
    clock_gettime(CLOCK_MONOTONIC, &since);
    long result = futex ? syscall(SYS_futex, area + 4096, FUTEX_WAIT, 0, &limit, 0, 0)
                        : poll((struct pollfd *)area, 1, 400);
    long ms = elapsed(&since);
    printf("%s: %ld, after its %s\n", futex ? "futex" : "poll", result, ms < 550 ? "time" : "time and more");
    return 0;
}
int main(void)
{
    static char zeros[4096] __attribute__((aligned(4096)));
    uffd = open_uffd(O_NONBLOCK, 0);
    for (long futex = 0; futex < 2; futex++) {
        pthread_t thread;
        area = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        unsigned long ioctls;
        do_register(uffd, area, 8192, MISSING, &ioctls);
        pthread_create(&thread, 0, call, (void *)futex);
        usleep(300000);
        struct uffdio_copy copy = {(unsigned long)area, (unsigned long)zeros, 4096};
        if (futex) copy.dst += 4096;
        else *(struct pollfd *)zeros = (struct pollfd){.fd = -1};
        ioctl(uffd, UFFDIO_COPY, &copy);
        pthread_join(thread, 0);
    }
    return 0;
}
