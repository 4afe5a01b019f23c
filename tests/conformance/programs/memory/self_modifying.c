/* Code that is written, changed, moved and protected while it runs. */
#include "pages.h"

typedef int function(void);

static void put(char *at, int value)
{
    unsigned char code[6] = {0xb8, value, 0, 0, 0, 0xc3}; /* mov eax, value; ret */
    memcpy(at, code, 6);
}

int main(void)
{
    catch_faults();
    map_at(0, 4, RW | PROT_EXEC);
    put(AT(0), 1);
    printf("%d\n", ((function *)AT(0))());
    put(AT(0), 2);
    printf("%d\n", ((function *)AT(0))());
    mprotect(AT(0), PAGE, PROT_READ | PROT_EXEC);
    printf("%d\n", ((function *)AT(0))());
    WRITE(AT(0), 1);
    mprotect(AT(0), PAGE, RW);
    TRY("not executable", ((function *)AT(0))());
    put(AT(0), 3);
    mprotect(AT(0), PAGE, PROT_READ | PROT_EXEC);
    printf("%d\n", ((function *)AT(0))());
    mremap(AT(0), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(8));
    printf("%d\n", ((function *)AT(8))());
    TRY("moved away", ((function *)AT(0))());
    int fd = MUST(memfd_create("code", 0));
    MUST(ftruncate(fd, PAGE));
    MUST(mmap(AT(10), PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    MUST(mmap(AT(11), PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0));
    for (int i = 10; i < 12; i++) {
        put(AT(10), i);
        printf("alias %d\n", ((function *)AT(11))());
    }
    unsigned char code[6] = {0xb8, 99, 0, 0, 0, 0xc3};
    MUST(pwrite(fd, code, 6, 0));
    printf("by pwrite %d\n", ((function *)AT(11))());
    return 0;
}
