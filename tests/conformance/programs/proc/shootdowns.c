/* cpus: 2 */
/* The row TLB of /proc/interrupts while memory is unmapped that a thread on another core may use; /proc/diskstats' form. */
#include "conform.h"
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

static volatile int ready, done;

static void stay_on(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static long shootdowns(void)
{
    char line[1 << 12];
    long sum = -1;
    FILE *file = fopen("/proc/interrupts", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *at = strstr(line, "TLB:");
        if (!at)
            continue;
        sum = 0;
        for (char *end = at += 4;; at = end) {
            long count = strtol(at, &end, 10);
            if (end == at)
                break;
            sum += count;
        }
    }
    if (file)
        fclose(file);
    return sum;
}

static void *spin(void *unused)
{
    stay_on(1);
    ready = 1;
    while (!done)
        ;
    return unused;
}

int main(void)
{
    pthread_t other;
    pthread_create(&other, 0, spin, 0);
    stay_on(0);
    while (!ready)
        ;
    long before = shootdowns();
    for (int i = 0; i < 100; i++) {
        char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *page = 1;
        munmap(page, 4096);
    }
    long after = shootdowns();
    done = 1;
    pthread_join(other, 0);
    printf("a row: %d, it shrank: %d\n", before >= 0, after < before);

    char line[512], name[64];
    int major, minor, lines = 0, right = 0;
    unsigned long counts[11];
    FILE *file = fopen("/proc/diskstats", "r");
    while (file && fgets(line, sizeof line, file)) {
        lines++;
        right += sscanf(line, "%d %d %63s %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu", &major, &minor, name, counts, counts + 1,
                        counts + 2, counts + 3, counts + 4, counts + 5, counts + 6, counts + 7, counts + 8, counts + 9,
                        counts + 10) == 14;
    }
    printf("diskstats: %d, fields: %d\n", lines > 0, lines == right);
}
