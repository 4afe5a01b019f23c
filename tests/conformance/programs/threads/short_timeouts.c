/* A condition variable with timeouts of a microsecond: whoever waits so lets others have the mutex; timer slack. */
#include "conform.h"
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition;
static int handed, timeouts;

static void *impatient(void *unused)
{
    pthread_mutex_lock(&mutex);
    while (handed < 100) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 1000;
        if (until.tv_nsec >= 1000000000)
            until.tv_sec++, until.tv_nsec -= 1000000000;
        timeouts += pthread_cond_timedwait(&condition, &mutex, &until) == ETIMEDOUT;
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void slack(const char *when)
{
    printf("%s: %d\n", when, (int)prctl(PR_GET_TIMERSLACK));
}

int main(void)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&condition, &attributes);
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, impatient, NULL));
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&mutex);
        handed++;
        pthread_mutex_unlock(&mutex);
    }
    pthread_join(thread, NULL);
    printf("handed over %d times\n", handed);

    struct sched_param one = {1}, none = {0};
    slack("at first");
    SHOW(prctl(PR_SET_TIMERSLACK, 1234));
    slack("set");
    SHOW(sched_setscheduler(0, SCHED_FIFO, &one));
    slack("real-time");
    SHOW(prctl(PR_SET_TIMERSLACK, 777));
    slack("set while real-time");
    SHOW(sched_setscheduler(0, SCHED_RR, &one));
    slack("round-robin");
    SHOW(sched_setscheduler(0, SCHED_OTHER, &none));
    slack("ordinary again");
    SHOW(prctl(PR_SET_TIMERSLACK, 1));
    SHOW(sched_setscheduler(0, SCHED_BATCH, &none));
    slack("batch");
    SHOW(prctl(PR_SET_TIMERSLACK, 0));
    slack("default");
}
