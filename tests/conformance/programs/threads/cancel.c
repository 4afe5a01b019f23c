/* pthread_cancel: at a cancellation point, with a clean-up handler; signals inside libc. */
#include "conform.h"
#include <pthread.h>
static int cleaned;
static void clean(void *a) { cleaned++; }
static void *run(void *a) { pthread_cleanup_push(clean, 0); for (;;) sleep(100); pthread_cleanup_pop(1); return 0; }
int main(void)
{
    pthread_t t; void *r;
    pthread_create(&t, 0, run, 0);
    usleep(20000);
    SHOW(pthread_cancel(t));
    pthread_join(t, &r);
    printf("cancelled %d cleaned %d\n", r == PTHREAD_CANCELED, cleaned);
    return 0;
}
