/* Pages protected under MODE_WP whose range is then registered without it: stores go through, the bits stay in the page
   tables (pagemap's bit 57) and count again under a later MODE_WP, unless a store has made the page writable meanwhile.
   needs: userfaultfd
*/
#include "uffd.h"

static int pagemap;

static void show_bits(const char *when)
{
    uint64_t entries[4];
    MUST(pread(pagemap, entries, sizeof entries, (unsigned long)AREA / PAGE * 8));
    printf("%s: protected", when);
    for (int i = 0; i < 4; i++)
        printf(" %d", (int)(entries[i] >> 57 & 1));
    puts("");
}

/* A thread stores to the page; what it has to wait for is shown and answered. */
static void store(int page, int value)
{
    struct toucher toucher;
    struct pollfd waiting = {uffd, POLLIN, 0};
    start_touch(&toucher, AT(page), value);
    if (poll(&waiting, 1, 100)) {
        struct uffd_msg message = show_message(uffd);
        if (message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP)
            WRITEPROTECT(PAGE_OF(AT(page)), PAGE, 0);
        else
            ZEROPAGE(PAGE_OF(AT(page)), PAGE, 0);
    } else
        puts("no message");
    finish_touch(&toucher);
}

static void protect_all(void)
{
    REGISTER(AREA, 4 * PAGE, WP);
    WRITEPROTECT(AREA, 4 * PAGE, UFFDIO_WRITEPROTECT_MODE_WP);
}

static void run(const char *kind, int flags, unsigned long features)
{
    printf("--- %s\n", kind);
    MUST(mmap(AREA, 4 * PAGE, RW, flags | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    uffd = open_uffd(O_NONBLOCK, features);
    *AT(0) = *AT(1) = *AT(3) = 1;
    protect_all();
    show_bits("under WP");
    REGISTER(AREA, 4 * PAGE, MISSING);
    WRITEPROTECT(AREA, 4 * PAGE, 0);
    show_bits("under MISSING");
    store(0, 5);
    store(2, 5);
    show_bits("after stores");

    REGISTER(AREA, 4 * PAGE, WP);
    for (int page = 0; page < 4; page++)
        store(page, 6);
    show_bits("under WP again, after stores");

    protect_all();
    REGISTER(AREA, 4 * PAGE, MISSING);
    UNREGISTER(AREA, 4 * PAGE);
    show_bits("unregistered");
    *AT(0) = 7;
    show_bits("after a store");
    REGISTER(AREA, 4 * PAGE, WP);
    store(0, 8);
    store(1, 8);

    protect_all();
    REGISTER(AREA, 4 * PAGE, MISSING);
    MUST(mprotect(AREA, 4 * PAGE, PROT_READ));
    MUST(mprotect(AREA, 4 * PAGE, RW));
    show_bits("after mprotect");
    REGISTER(AREA, 4 * PAGE, MISSING | WP);
    store(0, 9);
    MUST(mprotect(AREA, 4 * PAGE, PROT_READ));
    MUST(mprotect(AREA, 4 * PAGE, RW));
    store(1, 9);

    protect_all();
    REGISTER(AREA, 4 * PAGE, MISSING);
    MUST(madvise(AREA, 2 * PAGE, MADV_DONTNEED));
    show_bits("after MADV_DONTNEED");
    close(uffd);
    show_bits("closed");
    *AT(3) = 10;
    VALUE(AT(3));
    munmap(AREA, 4 * PAGE);
}

int main(void)
{
    pagemap = MUST(open("/proc/self/pagemap", O_RDONLY));
    run("anonymous", MAP_PRIVATE, 0);
    run("anonymous, markers", MAP_PRIVATE, UFFD_FEATURE_WP_UNPOPULATED);
    run("shared", MAP_SHARED, 0);
}
