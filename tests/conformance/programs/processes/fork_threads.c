/* fork in a program with threads: the child has only the one that called; locks and atfork handlers. */
#include "conform.h"
#include <pthread.h>
#include <sys/wait.h>
static int prepared, in_parent, in_child; static volatile int beats;
static void prepare(void) { prepared++; } static void parent(void) { in_parent++; } static void child(void) { in_child++; }
static void *beat(void *a) { for (;;) { beats++; usleep(1000); } }
int main(void)
{
    pthread_t t; int st;
    pthread_atfork(prepare, parent, child); pthread_create(&t, 0, beat, 0);
    while (beats < 3) usleep(1000);
    fflush(stdout);
    pid_t p = fork();
    if (!p) { int before = beats; usleep(20000); printf("child: beats stopped %d handlers %d %d %d tid is pid %d\n", beats == before, prepared, in_parent, in_child, gettid() == getpid()); exit(6); }
    waitpid(p, &st, 0);
    printf("parent: %d %d %d status %d\n", prepared, in_parent, in_child, WEXITSTATUS(st));
    return 0;
}
