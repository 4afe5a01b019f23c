/* vm.max_map_count: the calls that make areas, or split them, with as many as there may be; /dev/zero; what can be populated. */
#include "conform.h"

int main(void)
{
    char *base = (char *)0x100000000UL, *at = base + 8 * PAGE;
    long count = 0;
    while (mmap(base + count * 4 * PAGE, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) !=
           MAP_FAILED)
        count++;
    printf("%s\n", errno_name(errno));
    SHOW(munmap(at + PAGE, PAGE)), SHOW(mprotect(at + PAGE, PAGE, PROT_READ)), SHOW(mprotect(at, PAGE, PROT_READ));
    SHOW(mlock(at + PAGE, PAGE)), SHOW(madvise(at + PAGE, PAGE, MADV_DONTFORK)), SHOW(madvise(at, PAGE, MADV_DONTFORK));
    SHOW_POINTER(mremap(at + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base - 100 * PAGE));
    SHOW_POINTER(mmap(at + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    SHOW(munmap(at, PAGE)), SHOW(munmap(at + 2 * PAGE, PAGE)), SHOW(munmap(at + PAGE, PAGE));
    SHOW_POINTER(mmap(at + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    SHOW_POINTER(mmap(at - 20 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    munmap(at + 4 * PAGE, 3 * PAGE), at += 8 * PAGE;
    SHOW(munmap(at + PAGE, PAGE)), SHOW(mprotect(at + PAGE, PAGE, PROT_READ)), munmap(at + 4 * PAGE, 3 * PAGE);
    SHOW(mprotect(at + PAGE, PAGE, PROT_READ)), munmap(at + 8 * PAGE, 3 * PAGE), SHOW(mprotect(at + PAGE, PAGE, PROT_READ));
    int zero = MUST(open("/dev/zero", O_RDWR)), reader = MUST(open("/dev/zero", O_RDONLY)), writer = MUST(open("/dev/zero", O_WRONLY));
    munmap(base, 4 * PAGE * 10);
    char *map = show_pointer("private zeros", mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0));
    map[0] = 1;
    show_pointer("shared", mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, zero, PAGE));
    show_pointer("shared, not writable", mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0));
    show_pointer("private of a reader", mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0));
    show_pointer("not readable", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, writer, 0));
    char *fixed = show_pointer("shared of a reader", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0));
    SHOW(mprotect(fixed, PAGE, PROT_READ | PROT_WRITE));
    for (int prot = 0; prot < 8; prot++) {
        char *page = mmap(NULL, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        printf("%d: ", prot), SHOW(madvise(page, PAGE, 22)), SHOW(madvise(page, PAGE, 23)), SHOW(mlock(page, PAGE));
    }
    return map[0] - 1;
}
