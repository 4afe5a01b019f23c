/* A bounded work queue on condition variables, four workers. */
#include "conform.h"
#include <pthread.h>
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER, emptied = PTHREAD_COND_INITIALIZER;
static int items[8], head, tail, closed;
static long total;
static void *work(void *a)
{
    long sum = 0;
    for (;;) {
        pthread_mutex_lock(&m);
        while (head == tail && !closed) pthread_cond_wait(&filled, &m);
        if (head == tail) break;
        int item = items[head++ % 8];
        pthread_cond_signal(&emptied);
        pthread_mutex_unlock(&m);
        sum += (long)item * item;
    }
    pthread_mutex_unlock(&m);
    __atomic_add_fetch(&total, sum, __ATOMIC_SEQ_CST);
    return a;
}
int main(void)
{
    pthread_t t[4];
    for (long i = 0; i < 4; i++) MUST(-pthread_create(&t[i], 0, work, (void *)i));
    for (int i = 1; i <= 500; i++) {
        pthread_mutex_lock(&m);
        while (tail - head == 8) pthread_cond_wait(&emptied, &m);
        items[tail++ % 8] = i;
        pthread_cond_signal(&filled);
        pthread_mutex_unlock(&m);
    }
    pthread_mutex_lock(&m); closed = 1; pthread_cond_broadcast(&filled); pthread_mutex_unlock(&m);
    for (int i = 0; i < 4; i++) { void *r; pthread_join(t[i], &r); printf("worker %ld done\n", (long)r); }
    printf("total %ld\n", total);
    return 0;
}
