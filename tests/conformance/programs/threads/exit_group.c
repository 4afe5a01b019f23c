/* exit ends all threads, whatever they do: running, sleeping, waiting. */
#include "conform.h"
#include <pthread.h>
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static void *spin(void *a) { for (;;); }
static void *nap(void *a) { for (;;) sleep(1000); }
static void *block(void *a) { pthread_mutex_lock(&m); return 0; }
int main(void)
{
    pthread_t t; pthread_mutex_lock(&m);
    pthread_create(&t, 0, spin, 0); pthread_create(&t, 0, nap, 0); pthread_create(&t, 0, block, 0);
    usleep(10000); puts("leaving"); exit(9);
}
