/* munmap and mmap of a page amid AREAS areas: areas AREAS TIMES. */
#include "bench.h"

#include <sys/mman.h>

#define PAGE 4096ul

static char *memory, *middle;

static unsigned long change(long times)
{
    for (long i = 0; i < times; i++)
        if (munmap(middle, PAGE) ||
            mmap(middle, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != middle)
            exit(1);
    return times;
}

int main(int count, char **values)
{
    long areas = argument(count, values, 1, 10);
    memory = mmap(0, areas * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (long i = 1; i < areas; i += 2)
        if (mprotect(memory + i * PAGE, PAGE, PROT_READ))
            return 2;
    middle = memory + (areas / 2 | 1) * PAGE;
    return measure(change, argument(count, values, 2, 1000));
}
