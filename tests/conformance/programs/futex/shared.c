/* Futexes in shared memory work between processes; private ones do not. */
#include "conform.h"
#include <linux/futex.h>
#include <sys/wait.h>
#define F(...) syscall(SYS_futex, __VA_ARGS__)
int main(void)
{
    unsigned *w = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct timespec some = {0, 100000000}; int st;
    if (!fork()) { long r = F(w, FUTEX_WAIT, 0, 0); _exit(r == 0 ? 11 : errno); }
    while (F(w, FUTEX_WAKE, 1) != 1) usleep(1000);
    wait(&st); printf("shared %d\n", WEXITSTATUS(st));
    if (!fork()) { long r = F(w, FUTEX_WAIT_PRIVATE, 0, &some); _exit(r == 0 ? 11 : errno); }
    usleep(20000); SHOW(F(w, FUTEX_WAKE_PRIVATE, 1)); SHOW(F(w, FUTEX_WAKE, 1));
    wait(&st); printf("private %s\n", errno_name(WEXITSTATUS(st)));
    return 0;
}
