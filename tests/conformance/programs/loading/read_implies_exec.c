/* personality(READ_IMPLIES_EXEC): what is mapped for reading afterwards can be run; inherited by fork, ended by exec.
   args: first
*/
#include "pages.h"
#include <sys/personality.h>
#include <sys/wait.h>

static void rights(const char *what, const void *at)
{
    char line[256], found[8] = "none";
    unsigned long start, end, address = (unsigned long)at;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps)) {
        char shown[8];
        if (sscanf(line, "%lx-%lx %4s", &start, &end, shown) == 3 && start <= address && address < end)
            strcpy(found, shown);
    }
    fclose(maps);
    printf("%s: %s\n", what, found);
}

/* Without the bit that says whether the host makes addresses random. */
static void show_personality(void)
{
    printf("personality %#x\n", personality(0xffffffff) & ~ADDR_NO_RANDOMIZE);
}

int main(int count, char **arguments)
{
    unsigned char *at;
    show_personality();
    if (strcmp(arguments[1], "first"))
        return 0;
    at = map_at(0, 1, PROT_READ);
    rights("before", at);
    personality(READ_IMPLIES_EXEC);
    show_personality();
    rights("mapped before", at);
    rights("mapped for reading", map_at(1, 1, PROT_READ));
    rights("mapped for writing", map_at(2, 1, PROT_WRITE));
    rights("mapped for nothing", map_at(3, 1, PROT_NONE));
    MUST(mprotect(at, PAGE, RW));
    rights("mprotect to read and write", at);
    memcpy(at, "\x8d\x47\x01\xc3", 4);
    printf("%d\n", ((int (*)(int))at)(41));
    MUST(mprotect(at, PAGE, PROT_WRITE));
    rights("mprotect to write", at);
    MUST(mprotect(at, PAGE, PROT_NONE));
    rights("mprotect to none", at);
    int fd = MUST(memfd_create("file", 0));
    MUST(ftruncate(fd, PAGE));
    rights("shared file", MUST(mmap(AT(5), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0)));
    char *end = sbrk(0);
    MUST(brk(end + 64 * PAGE));
    rights("heap", end + 63 * PAGE);
    int local;
    rights("stack", &local);
    fflush(stdout);
    if (fork() == 0) {
        show_personality();
        exit(0);
    }
    wait(NULL);
    fflush(stdout);
    char *again[] = {arguments[0], "again", NULL};
    execv("/proc/self/exe", again);
}
