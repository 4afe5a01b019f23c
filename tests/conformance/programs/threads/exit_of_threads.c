/* The main thread leaves first; the process lives until the last thread exits, with its status. */
#include "conform.h"
#include <pthread.h>
static void *late(void *a) { usleep(20000); puts("late"); fflush(stdout); syscall(SYS_exit, 5); return 0; }
int main(void) { pthread_t t; pthread_create(&t, 0, late, 0); puts("main leaves"); fflush(stdout); syscall(SYS_exit, 3); }
