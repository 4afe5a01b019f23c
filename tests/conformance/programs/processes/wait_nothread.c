/* __WNOTHREAD: only the children that the calling thread made, or has from a thread that ended. */
#include "conform.h"
#include <pthread.h>
#include <sys/wait.h>
#ifndef __WNOTHREAD
#define __WNOTHREAD 0x20000000
#endif
static int done[2];
static void *thread(void *a)
{
    char c; int st; pid_t own = fork();
    if (!own) _exit(5);
    SHOW(waitpid((long)a, &st, __WNOTHREAD)); SHOW(waitpid((long)a, &st, WNOHANG | __WNOTHREAD));
    SHOW(waitpid(-1, &st, __WNOTHREAD) == own); printf("%d\n", WEXITSTATUS(st)); SHOW(waitpid(-1, &st, __WNOTHREAD));
    if (!fork()) { read(done[0], &c, 1); _exit(6); }
    return 0;
}
int main(void)
{
    pthread_t t; int st; char c; pipe(done);
    long mine = fork();
    if (!mine) { read(done[0], &c, 1); _exit(7); }
    pthread_create(&t, 0, thread, (void *)mine); pthread_join(t, 0);
    write(done[1], "12", 2);
    int sum = 0; for (int i = 0; i < 2; i++) { if (waitpid(-1, &st, __WNOTHREAD) < 0) break; sum += WEXITSTATUS(st); }
    printf("mine and the thread's %d\n", sum); SHOW(waitpid(-1, &st, 0));
    return 0;
}
