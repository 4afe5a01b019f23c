/* Read-write locks, barriers, semaphores, spin locks. */
#include "conform.h"
#include <pthread.h>
#include <semaphore.h>
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER; static pthread_barrier_t bar; static sem_t sem;
static pthread_spinlock_t spin; static int value, serial, spins;
static void *run(void *a)
{
    for (int i = 0; i < 20; i++) {
        pthread_rwlock_rdlock(&rw); volatile int v = value; pthread_rwlock_unlock(&rw);
        pthread_rwlock_wrlock(&rw); value++; pthread_rwlock_unlock(&rw);
        pthread_spin_lock(&spin); spins++; pthread_spin_unlock(&spin);
    }
    if (pthread_barrier_wait(&bar) == PTHREAD_BARRIER_SERIAL_THREAD) __sync_fetch_and_add(&serial, 1);
    sem_post(&sem);
    return 0;
}
int main(void)
{
    pthread_t t[4];
    pthread_barrier_init(&bar, 0, 4); sem_init(&sem, 0, 0); pthread_spin_init(&spin, 0);
    for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, run, 0);
    for (int i = 0; i < 4; i++) sem_wait(&sem);
    for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
    printf("value %d spins %d serial %d\n", value, spins, serial);
    SHOW(sem_trywait(&sem));
    printf("tryrdlock %s\n", errno_name(pthread_rwlock_tryrdlock(&rw)));
    return 0;
}
