/* Ranges of thousands of pages: fills, populating, locking, residency. needs: userfaultfd */
#include "uffd.h"

static unsigned char resident[20000];
static char entries[20000 * 8];

int main(void)
{
    int count = 0, pagemap = MUST(open("/proc/self/pagemap", O_RDONLY));
    uffd = open_uffd(O_NONBLOCK, 0);
    MUST(mmap(AT(0), 20000 * PAGE, RW, ANON | MAP_FIXED | MAP_NORESERVE, -1, 0));
    REGISTER(AT(0), 6000 * PAGE, MISSING);
    ZEROPAGE(AT(0), 5000 * PAGE, 0);
    COPY(AT(5000), AT(0), 1000 * PAGE, 0);
    ZEROPAGE(AT(0), 6000 * PAGE, 0);
    madvise(AT(0), 6000 * PAGE, MADV_DONTNEED);
    COPY(AT(3000), AT(10000), 3000 * PAGE, 0);
    SHOW(madvise(AT(10000), 5000 * PAGE, MADV_POPULATE_WRITE));
    SHOW(mlock(AT(15000), 5000 * PAGE));
    SHOW(mincore(AT(0), 20000 * PAGE, resident));
    for (int i = 0; i < 20000; i++)
        count += resident[i] & 1;
    printf("resident %d\n", count);
    SHOW(pread(pagemap, entries, sizeof entries, (unsigned long)AT(0) / PAGE * 8));
    return 0;
}
