/* eventfd: sums, semaphores, overflow, sizes, polling. */
#include "conform.h"
#include <poll.h>
#include <sys/eventfd.h>

static void state(int fd)
{
    struct pollfd entry = {fd, POLLIN | POLLOUT | POLLERR, 0};
    poll(&entry, 1, 0);
    printf("revents %x\n", entry.revents);
}

static void put(int fd, uint64_t value) { printf("put %llx: ", (long long)value); SHOW(write(fd, &value, 8)); }

static void take(int fd)
{
    uint64_t value = 0;
    long n = read(fd, &value, 8);
    printf("take: %ld %s, %llx\n", n, n < 0 ? errno_name(errno) : "", (long long)value);
}

int main(void)
{
    int fd = MUST(eventfd(3, EFD_NONBLOCK));
    state(fd);
    put(fd, 4);
    take(fd);
    take(fd);
    state(fd);
    put(fd, -1);
    put(fd, -2);
    state(fd);
    put(fd, 1);
    put(fd, 0);
    take(fd);
    SHOW(write(fd, "1234567", 7));
    char small[16];
    SHOW(read(fd, small, 7));
    put(fd, 5);
    SHOW(read(fd, small, 16));
    put(fd, 5);
    SHOW(read(fd, (void *)8, 8));
    take(fd);
    SHOW(write(fd, (void *)8, 8));
    SHOW(lseek(fd, 0, SEEK_SET));
    int semaphore = MUST(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
    take(semaphore);
    take(semaphore);
    take(semaphore);
    SHOW(eventfd(0, 0x1000));
    SHOW(fcntl(semaphore, F_GETFL) == (O_RDWR | O_NONBLOCK));
    struct stat status;
    MUST(fstat(fd, &status));
    printf("mode %o size %ld\n", status.st_mode, (long)status.st_size);
    return 0;
}
