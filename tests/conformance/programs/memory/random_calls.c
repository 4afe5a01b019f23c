/* Many memory calls with arguments from a fixed random sequence, on a few pages; the state after every few. */
#include "pages.h"

static unsigned long state = 12345;

static unsigned int draw(unsigned int below)
{
    state = state * 6364136223846793005UL + 1442695040888963407UL;
    return (state >> 33) % below;
}

static void one(void)
{
    static const int rights[] = {PROT_NONE, PROT_READ, RW, RW, RW};
    static const int advice[] = {MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_WILLNEED, MADV_REMOVE, MADV_POPULATE_READ,
                                 MADV_POPULATE_WRITE, MADV_COLD, MADV_DONTFORK, MADV_DOFORK, MADV_GUARD_INSTALL_,
                                 MADV_GUARD_REMOVE_, MADV_WIPEONFORK, MADV_KEEPONFORK};
    static const int sharing[] = {ANON, ANON, ANON | MAP_NORESERVE, MAP_SHARED | MAP_ANONYMOUS, ANON | MAP_POPULATE};
    int first = draw(24), pages = draw(6), to = draw(24), more = draw(6), what = draw(12);
    long result;
    void *at;
    errno = 0;
    switch (what) {
    case 0:
    case 1:
        at = mmap(AT(first), pages * PAGE, rights[draw(5)], sharing[draw(5)] | MAP_FIXED, -1, 0);
        result = at == MAP_FAILED ? -1 : 0;
        break;
    case 2:
        result = munmap(AT(first), pages * PAGE);
        break;
    case 3:
    case 4:
        result = mprotect(AT(first), pages * PAGE, rights[draw(5)]);
        break;
    case 5:
    case 6:
        result = madvise(AT(first), pages * PAGE, advice[draw(14)]);
        break;
    case 7:
        at = mremap(AT(first), pages * PAGE, more * PAGE, draw(2) ? MREMAP_MAYMOVE | MREMAP_FIXED : 0, AT(to));
        result = at == MAP_FAILED ? -1 : (char *)at - AREA;
        break;
    case 8:
        at = mremap(AT(first), pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | (draw(2) ? MREMAP_DONTUNMAP : 0),
                    AT(to));
        result = at == MAP_FAILED ? -1 : (char *)at - AREA;
        break;
    case 9:
        result = draw(2) ? mlock(AT(first), pages * PAGE) : munlock(AT(first), pages * PAGE);
        break;
    default: {
        char byte = draw(100);
        struct iovec here = {&byte, 1}, there = {AT(first) + 8, 1};
        result = process_vm_writev(getpid(), &here, 1, &there, 1, 0);
    }
    }
    printf("%d %d %d %d %d = %ld %s\n", what, first, pages, to, more, result, result == -1 ? errno_name(errno) : "");
}

int main(void)
{
    map_at(0, 24, RW);
    for (int i = 0; i < 1500; i++) {
        one();
        if (i % 10 == 9) {
            show_resident("resident", 0, 30);
            for (int page = 0; page < 30; page++) {
                char byte = -1;
                struct iovec here = {&byte, 1}, there = {AT(page) + 8, 1};
                printf(" %d", process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1 ? byte : -1);
            }
            puts("");
        }
    }
    return 0;
}
