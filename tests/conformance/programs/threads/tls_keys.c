/* Thread-specific data with destructors, pthread_once. */
#include "conform.h"
#include <pthread.h>
static pthread_key_t key; static pthread_once_t once = PTHREAD_ONCE_INIT; static int inits, destroyed;
static void destroy(void *v) { destroyed += (long)v; }
static void init(void) { inits++; pthread_key_create(&key, destroy); }
static void *run(void *a) { pthread_once(&once, init); pthread_setspecific(key, a); return pthread_getspecific(key); }
int main(void)
{
    pthread_t t[5]; void *r; long sum = 0;
    for (long i = 0; i < 5; i++) pthread_create(&t[i], 0, run, (void *)(i + 1));
    for (int i = 0; i < 5; i++) { pthread_join(t[i], &r); sum += (long)r; }
    printf("inits %d sum %ld destroyed %d mine %p\n", inits, sum, destroyed, pthread_getspecific(key));
    return 0;
}
