/* A program's own areas: text and data are private mappings of a file, which userfaultfd does not take; .bss, heap and
   stack are anonymous memory. What madvise makes of them.
   needs: userfaultfd
*/
#include "uffd.h"
#include <sys/wait.h>
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

#define ALIGNED __attribute__((aligned(4096)))
static char ALIGNED initialised[3 * PAGE] = "first", ALIGNED unset[3 * PAGE];
static const char ALIGNED constant[2 * PAGE] = "constant";
ALIGNED static int code(int value) { return value + 1; }
static int (*volatile call)(int) = code;

#define REGISTER_AT(where, at, length, mode)                                                        \
    do {                                                                                            \
        unsigned long ioctls = 0;                                                                   \
        long result = do_register(uffd, at, length, mode, &ioctls);                                 \
        printf("%s, mode %d: %s\n", where, (int)(mode), result ? errno_name(errno) : "registered");  \
    } while (0)

int main(void)
{
    int local, file = MUST(open("file", O_RDWR | O_CREAT, 0600)), memfd = MUST(memfd_create("m", 0));
    MUST(ftruncate(file, PAGE));
    MUST(ftruncate(memfd, PAGE));
    uffd = open_uffd(O_NONBLOCK, 0);
    char *page = (char *)PAGE_OF(call), *heap = malloc(1 << 20);
    for (int mode = 1; mode < 8; mode++) {
        REGISTER_AT("text", page, PAGE, mode);
        REGISTER_AT("constants", constant, PAGE, mode);
        REGISTER_AT("data", initialised, PAGE, mode);
        REGISTER_AT("unset", unset, PAGE, mode);
    }
    REGISTER_AT("data and unset", initialised, (unsigned long)(unset - initialised) + PAGE, MISSING);
    REGISTER_AT("heap", PAGE_OF(heap + PAGE), PAGE, MISSING);
    REGISTER_AT("stack", PAGE_OF(&local) - 2 * PAGE, PAGE, MISSING);
    REGISTER_AT("file, private", MUST(mmap(AT(0), PAGE, RW, MAP_PRIVATE | MAP_FIXED, file, 0)), PAGE, MISSING);
    REGISTER_AT("file, shared", MUST(mmap(AT(0), PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0)), PAGE, MISSING);
    REGISTER_AT("memfd, private", MUST(mmap(AT(0), PAGE, RW, MAP_PRIVATE | MAP_FIXED, memfd, 0)), PAGE, MISSING);
    REGISTER_AT("memfd, shared", MUST(mmap(AT(0), PAGE, RW, MAP_SHARED | MAP_FIXED, memfd, 0)), PAGE, MISSING);
    close(uffd);

    puts("madvise");
    strcpy(initialised, "changed");
    strcpy(initialised + PAGE, "set");
    strcpy(unset, "set");
    SHOW(madvise(initialised, 2 * PAGE, MADV_FREE));
    SHOW(madvise(initialised, 2 * PAGE, MADV_WIPEONFORK));
    SHOW(madvise(initialised, 2 * PAGE, MADV_REMOVE));
    SHOW(madvise(initialised, 2 * PAGE, MADV_DONTNEED));
    SHOW(madvise((void *)constant, 2 * PAGE, MADV_DONTNEED));
    SHOW(madvise(page, PAGE, MADV_DONTNEED));
    SHOW(madvise(unset, 2 * PAGE, MADV_WIPEONFORK));
    printf("'%s' '%s' '%s' '%s' %d\n", initialised, initialised + PAGE, constant, unset, call(41));
    strcpy(initialised, "again");
    fflush(stdout);
    if (fork() == 0) {
        printf("child: '%s' '%s' %d\n", initialised, unset, call(41));
        SHOW(madvise(initialised, 2 * PAGE, MADV_DONTNEED));
        printf("child: '%s'\n", initialised);
        exit(0);
    }
    wait(NULL);
    printf("'%s'\n", initialised);
    SHOW(madvise(unset, 2 * PAGE, MADV_DONTNEED));
    printf("'%s'\n", unset);

    puts("text");
    SHOW(mprotect(page, PAGE, RW | PROT_EXEC));
    unsigned char *byte = (unsigned char *)page;
    while (*byte != 1) /* of lea eax, [rdi + 1] */
        byte++;
    *byte = 2;
    printf("%d\n", call(40));
    SHOW(madvise(page, PAGE, MADV_DONTNEED));
    printf("%d\n", call(41));
}
