/* mseal: what a sealed area refuses, and what it still allows; errors. */
#include "conform.h"
#include <sys/wait.h>
static char *area(int n, int prot) { return mmap(0, n << 12, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
int main(void)
{
    char *p = area(4, 3), *q;
    SHOW(syscall(462, p, PAGE, 0));
    SHOW(mremap(p + PAGE, PAGE, PAGE, 0) == MAP_FAILED ? -1 : 0);
    SHOW(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
    SHOW(mremap(p, PAGE, PAGE, 0) == MAP_FAILED ? -1 : 0);
    SHOW(mremap(p, PAGE, 0, 0) == MAP_FAILED ? -1 : 0);
    SHOW(mremap(p, 2 * PAGE, PAGE, 0) == MAP_FAILED ? -1 : 0);
    SHOW(mremap(p + PAGE, 2 * PAGE, PAGE, 0) == MAP_FAILED ? -1 : 0);
    q = area(4, 3);
    SHOW(mremap(q, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == MAP_FAILED ? -1 : 0);
    SHOW(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) == MAP_FAILED ? -1 : 0);
    SHOW(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0) == MAP_FAILED ? -1 : 0);
    SHOW(mremap(p, 0, PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
    SHOW(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
    SHOW(mprotect(p, PAGE, PROT_READ));
    SHOW(mprotect(p, 0, 0));
    SHOW(madvise(p, PAGE, MADV_DONTNEED));
    SHOW(madvise(p, PAGE, MADV_FREE));
    SHOW(madvise(p, PAGE, MADV_WIPEONFORK));
    SHOW(madvise(p, PAGE, MADV_DONTFORK));
    SHOW(madvise(p, PAGE, MADV_DOFORK));
    q = area(4, PROT_READ | PROT_WRITE);
    q[0] = 7;
    mprotect(q, PAGE * 4, PROT_READ);
    SHOW(syscall(462, q, 2 * PAGE, 0));
    int adv[] = {MADV_DONTNEED,
                 MADV_FREE,
                 MADV_DONTNEED_LOCKED,
                 MADV_REMOVE,
                 MADV_DONTFORK,
                 MADV_WIPEONFORK,
                 102,
                 103,
                 MADV_NORMAL,
                 MADV_WILLNEED,
                 MADV_COLD,
                 MADV_PAGEOUT,
                 MADV_DONTDUMP,
                 MADV_POPULATE_READ,
                 MADV_KEEPONFORK};
    for (int i = 0; i < 15; i++) {
        printf("advice %d ", adv[i]);
        SHOW(madvise(q, PAGE, adv[i]));
    }
    SHOW(mlock(q, PAGE));
    SHOW(madvise(q, PAGE, MADV_DONTNEED));
    SHOW(madvise(q, PAGE, MADV_DONTNEED_LOCKED));
    SHOW(munlock(q, PAGE));
    SHOW(madvise(q + PAGE, 3 * PAGE, MADV_DONTNEED));
    printf("%d\n", q[0]);
    SHOW(mprotect(q + PAGE, 2 * PAGE, PROT_READ | PROT_WRITE));
    int fd = memfd_create("x", 0);
    ftruncate(fd, 4 * PAGE);
    q = mmap(0, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    SHOW(syscall(462, q, PAGE, 0));
    SHOW(madvise(q, PAGE, MADV_DONTNEED));
    SHOW(madvise(q, PAGE, MADV_REMOVE));
    SHOW(madvise(q, PAGE, MADV_DONTFORK));
    q = mmap(0, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    SHOW(syscall(462, q, PAGE, 0));
    SHOW(madvise(q, PAGE, MADV_DONTNEED));
    SHOW(madvise(q, PAGE, MADV_DONTFORK));
    q = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    SHOW(syscall(462, q, PAGE, 0));
    SHOW(madvise(q, PAGE, MADV_DONTNEED));
    char *b = sbrk(0);
    b = (char *)(((long)b + 4095) & ~4095L);
    brk(b + 4 * PAGE);
    SHOW(syscall(462, b + 2 * PAGE, PAGE, 0));
    SHOW(brk(b + PAGE));
    SHOW(brk(b + 3 * PAGE));
    q = area(8, 3);
    munmap(q + 3 * PAGE, PAGE);
    SHOW(syscall(462, q, 8 * PAGE, 0));
    SHOW(munmap(q, PAGE));
    SHOW(syscall(462, q + 2 * PAGE, 0, 0));
    SHOW(syscall(462, q, PAGE, 0));
    SHOW(syscall(462, q + PAGE, PAGE - 1, 0));
    SHOW(munmap(q + PAGE, 1));
    SHOW(syscall(462, q + 4 * PAGE, -1L, 0));
    SHOW(syscall(462, q + 4 * PAGE, -4096L, 0));
    SHOW(syscall(462, 8, 0, 0));
    SHOW(syscall(462, q + 4 * PAGE, 4 * PAGE, 0));
    SHOW_POINTER(mmap(q + 4 * PAGE, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    SHOW_POINTER(mmap(q + 4 * PAGE, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    SHOW_POINTER(mmap(q + 3 * PAGE, 2 * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    fflush(stdout);
    if (!fork()) {
        SHOW(munmap(q + 4 * PAGE, PAGE));
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    return 0;
}
