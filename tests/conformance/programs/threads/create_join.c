/* pthread_create, join, detach, exit values, attributes, errors. */
#include "conform.h"
#include <pthread.h>
static void *give(void *a) { return (char *)a + 1; }
static void *leave(void *a) { pthread_exit((void *)42); }
static void *size_of_stack(void *a)
{
    pthread_attr_t attr; size_t size; void *at;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &at, &size);
    return (void *)size;
}
int main(void)
{
    pthread_t t; void *r; pthread_attr_t attr;
    SHOW(pthread_create(&t, 0, give, (void *)6)); SHOW(pthread_join(t, &r)); printf("%ld\n", (long)r);
    SHOW(pthread_create(&t, 0, leave, 0)); SHOW(pthread_join(t, &r)); printf("%ld\n", (long)r);
    pthread_attr_init(&attr);
    SHOW(pthread_attr_setstacksize(&attr, 256 * 1024));
    SHOW(pthread_create(&t, &attr, size_of_stack, 0)); SHOW(pthread_join(t, &r)); printf("%ld\n", (long)r);
    SHOW(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED));
    SHOW(pthread_create(&t, &attr, give, 0));
    printf("self join %s\n", errno_name(pthread_join(pthread_self(), &r)));
    printf("tid is pid %d\n", gettid() == getpid());
    usleep(10000);
    return 0;
}
