/* Two hundred children, one after the other, then thirty at once: nothing leaks. */
#include "conform.h"
#include <sys/wait.h>
int main(void)
{
    int st, sum = 0;
    for (int i = 0; i < 200; i++) { pid_t p = fork(); if (!p) _exit(i & 7); waitpid(p, &st, 0); sum += WEXITSTATUS(st); }
    printf("sum %d\n", sum);
    for (int i = 0; i < 30; i++) if (!fork()) { usleep(1000 * (30 - i)); _exit(1); }
    sum = 0; while (wait(&st) > 0) sum += WEXITSTATUS(st);
    printf("sum %d\n", sum);
    return 0;
}
