/* One call on 1 GiB of resident memory: gigabyte fork|munmap|read|nothing [FILE]. */
#include "bench.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (1ul << 30)

static char *memory;
static int file;

static unsigned long fork_it(long unused)
{
    int status = (int)unused;
    pid_t child = fork();
    if (!child)
        _exit(0);
    waitpid(child, &status, 0);
    return status;
}

static unsigned long unmap_it(long unused) { return munmap(memory, SIZE) + unused; }

static unsigned long read_it(long unused)
{
    unsigned long total = unused;
    long n;
    while (total < SIZE && (n = read(file, memory + total, SIZE - total)) > 0)
        total += n;
    return total;
}

static unsigned long nothing(long unused) { return unused; }

int main(int count, char **values)
{
    if (count < 2)
        return 2;
    memory = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    for (unsigned long at = 0; at < SIZE; at += 4096)
        memory[at] = (char)(at >> 12 | 1);
    if (count > 2 && (file = open(values[2], O_RDONLY)) < 0)
        return 3;
    if (!strcmp(values[1], "fork"))
        return measure(fork_it, 0);
    if (!strcmp(values[1], "munmap"))
        return measure(unmap_it, 0);
    return measure(strcmp(values[1], "read") ? nothing : read_it, 0);
}
