/* fork: private memory is copied, shared memory is not; both sides write, deep. */
#include "conform.h"
#include <sys/wait.h>
static int global = 1; static char big[64 * 4096];
int main(void)
{
    int local = 2, st; int *heap = malloc(sizeof *heap); *heap = 3;
    int *shared = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int *private = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *shared = 4; *private = 5; memset(big, 6, sizeof big);
    fflush(stdout);
    pid_t p = fork();
    if (!p) {
        global = local = *heap = *shared = *private = 100; memset(big, 7, sizeof big);
        if (!fork()) { *shared += 11; global++; _exit(global); }
        wait(&st);
        printf("child: %d %d %d %d %d grandchild %d\n", global, local, *heap, *shared, *private, WEXITSTATUS(st)); exit(0);
    }
    big[5] = 1;
    waitpid(p, &st, 0);
    int sum = 0; for (unsigned i = 0; i < sizeof big; i++) sum += big[i];
    printf("parent: %d %d %d %d %d big %d\n", global, local, *heap, *shared, *private, sum);
    return 0;
}
