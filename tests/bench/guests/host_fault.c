/* A real userfaultfd fault on the host: host_fault PAGES CORE. Prints the processor time of one, in nanoseconds, with the
   handling thread on the faulting thread's core. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul

static int uffd;
static long pages;

static void *handle(void *unused)
{
    struct uffd_msg message;
    for (long i = 0; i < pages; i++) {
        if (read(uffd, &message, sizeof message) != sizeof message)
            exit(2);
        struct uffdio_zeropage zero = {{message.arg.pagefault.address & -PAGE, PAGE}, 0, 0};
        if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero))
            exit(2);
    }
    return unused;
}

static long nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

int main(int count, char **values)
{
    pages = count > 1 ? atol(values[1]) : 10000;
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(count > 2 ? atoi(values[2]) : 0, &cores);
    sched_setaffinity(0, sizeof cores, &cores);
    uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
    struct uffdio_api api = {.api = UFFD_API};
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) {
        perror("userfaultfd");
        return 1;
    }
    char *memory = mmap(0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    madvise(memory, pages * PAGE, MADV_NOHUGEPAGE);
    struct uffdio_register range = {{(unsigned long)memory, pages * PAGE}, UFFDIO_REGISTER_MODE_MISSING, 0};
    if (ioctl(uffd, UFFDIO_REGISTER, &range)) {
        perror("UFFDIO_REGISTER");
        return 1;
    }
    pthread_t thread;
    if (pthread_create(&thread, 0, handle, 0))
        return 1;
    long since = nanoseconds(), sum = 0;
    for (long i = 0; i < pages; i++)
        sum += ((volatile char *)memory)[i * PAGE];
    printf("%ld\n", (nanoseconds() - since) / pages);
    return (int)sum;
}
