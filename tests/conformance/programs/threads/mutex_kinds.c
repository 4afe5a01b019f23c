/* Recursive and error-checking mutexes; priority inheritance is refused or works, ownership is checked. */
#include "conform.h"
#include <pthread.h>
int main(void)
{
    pthread_mutexattr_t a; pthread_mutex_t m;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE); pthread_mutex_init(&m, &a);
    SHOW(pthread_mutex_lock(&m)); SHOW(pthread_mutex_lock(&m)); SHOW(pthread_mutex_unlock(&m)); SHOW(pthread_mutex_unlock(&m));
    printf("unlock %s\n", errno_name(pthread_mutex_unlock(&m)));
    pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK); pthread_mutex_init(&m, &a);
    SHOW(pthread_mutex_lock(&m)); printf("again %s\n", errno_name(pthread_mutex_lock(&m))); SHOW(pthread_mutex_unlock(&m));
    printf("unlock %s\n", errno_name(pthread_mutex_unlock(&m)));
    return 0;
}
