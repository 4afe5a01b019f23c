/* Forwarded faults of several threads, beside many other areas and regions: forwarded PAGES THREADS REGIONS AREAS. */
#include "bench.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pff.h"

#define PAGE 4096ul
#define MOST_THREADS 64

static int uffd;
static char *memory;
static long pages_each;
static pthread_barrier_t ready;

INTERRUPT void on_fault(struct pff_frame *frame, unsigned long long vector)
{
    (void)vector;
    pff_zero(uffd, frame->address & -PAGE, PAGE);
}

static unsigned long touch(long thread)
{
    unsigned long sum = 0;
    volatile char *first = memory + thread * pages_each * PAGE;
    for (long i = 0; i < pages_each; i++)
        sum += first[i * PAGE];
    return sum;
}

static int forward(void)
{
    int failed = syscall(SYS_uintr_register_handler, on_fault, UINTR_HANDLER_FLAG_FORWARD_PF) != 0;
    _stui();
    return failed;
}

static void *worker(void *thread)
{
    if (forward())
        exit(3);
    pthread_barrier_wait(&ready);
    touch((long)thread);
    pthread_barrier_wait(&ready);
    return 0;
}

static unsigned long all(long threads)
{
    if (threads > 1)
        pthread_barrier_wait(&ready);
    unsigned long sum = touch(0);
    if (threads > 1)
        pthread_barrier_wait(&ready);
    return sum;
}

static char *map(unsigned long pages, int rights)
{
    char *mapped = mmap(0, pages * PAGE, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        exit(4);
    return mapped;
}

int main(int count, char **values)
{
    long pages = argument(count, values, 1, 1000), threads = argument(count, values, 2, 1);
    long regions = argument(count, values, 3, 1), areas = argument(count, values, 4, 1);
    pages_each = pages / threads;
    uffd = pff_open();
    char *others = map(2 * areas, PROT_NONE);
    for (long i = 1; i < areas; i++)
        mprotect(others + 2 * i * PAGE, PAGE, PROT_READ);
    memory = map(pages, PROT_READ | PROT_WRITE);
    char *apart = map(2 * regions, PROT_READ | PROT_WRITE);
    for (long i = 1; i < regions; i++)
        if (pff_register(uffd, (unsigned long)apart + 2 * i * PAGE, PAGE, UFFDIO_REGISTER_MODE_MISSING))
            return 1;
    if (pff_register(uffd, (unsigned long)memory, pages * PAGE, UFFDIO_REGISTER_MODE_MISSING) || forward())
        return 1;
    pthread_t thread[MOST_THREADS];
    pthread_barrier_init(&ready, 0, threads);
    for (long i = 1; i < threads; i++)
        if (pthread_create(&thread[i], 0, worker, (void *)i))
            return 5;
    measure(all, threads);
    for (long i = 1; i < threads; i++)
        pthread_join(thread[i], 0);
    return 0;
}
