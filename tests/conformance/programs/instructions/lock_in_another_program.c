/* Code with an instruction that is invalid with LOCK, in a page that a program executed later does not have.

cpus: 1 */
#include "conform.h"
#include <sys/wait.h>

int main(int argc, char **argv)
{
    if (argc > 1) {
        puts("child");
        return 7;
    }
    unsigned char *page = mmap((void *)0x12340000, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memcpy(page, "\xc3", 1), memcpy(page + 100, "\xf0\x0f\xab\xc8\xc3", 5); /* ret; lock bts eax, ecx; ret */
    ((void (*)(void))page)();
    if (vfork() == 0) {
        execl("/proc/self/exe", argv[0], "again", NULL);
        _exit(1);
    }
    int status;
    MUST(wait(&status));
    printf("%d %d\n", WIFEXITED(status), WEXITSTATUS(status));
    return 0;
}
