/* Sixty threads that all add to one counter, with a mutex, with atomics and in their own storage. */
#include "conform.h"
#include <pthread.h>
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static long locked, atomic;
static __thread long own = 5;
static void *run(void *a)
{
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&m); locked++; pthread_mutex_unlock(&m);
        __sync_fetch_and_add(&atomic, 2);
        own++;
    }
    return (void *)own;
}
int main(void)
{
    pthread_t t[60]; void *r; long sum = 0;
    for (int i = 0; i < 60; i++) MUST(-pthread_create(&t[i], 0, run, 0));
    for (int i = 0; i < 60; i++) { pthread_join(t[i], &r); sum += (long)r; }
    printf("locked %ld atomic %ld own %ld mine %ld\n", locked, atomic, sum, own);
    return 0;
}
