/* fork: each process sees its own stores to private memory, both see those to shared memory. */
#include "pages.h"
#include <sys/wait.h>

static void show(const char *who)
{
    printf("%s:", who);
    for (int i = 0; i < 12; i++)
        printf(" %d", *(volatile char *)AT(i));
    puts("");
}

int main(void)
{
    int status, fd = MUST(memfd_create("m", 0));
    setbuf(stdout, NULL);
    map_at(0, 4, RW);
    MUST(mmap(AT(4), 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    MUST(ftruncate(fd, 2 * PAGE));
    MUST(mmap(AT(6), 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    MUST(mmap(AT(8), 2 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0));
    map_at(10, 2, RW);
    for (int i = 0; i < 12; i += 2)
        *AT(i) = i + 1;
    madvise(AT(10), PAGE, MADV_WIPEONFORK);
    if (fork() == 0) {
        show("child");
        for (int i = 0; i < 12; i++)
            *AT(i) = i + 20;
        show("child");
        if (fork() == 0) {
            *AT(0) = 99;
            *AT(4) = 98;
            show("grandchild");
            _exit(0);
        }
        wait(&status);
        show("child");
        munmap(AT(2), PAGE);
        _exit(0);
    }
    wait(&status);
    show("parent");
    *AT(0) = 55;
    show("parent");
    SHOW(madvise(AT(0), 4 * PAGE, MADV_DONTFORK));
    madvise(AT(10), PAGE, MADV_KEEPONFORK);
    if (fork() == 0) {
        show_resident("child", 0, 12);
        printf("%d\n", *AT(10));
        _exit(0);
    }
    wait(&status);
    SHOW(madvise(AT(1), PAGE, MADV_DOFORK));
    if (fork() == 0) {
        show_resident("child", 0, 12);
        _exit(0);
    }
    wait(&status);
    return 0;
}
