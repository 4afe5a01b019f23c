/* A robust mutex whose owner dies: EOWNERDEAD, made consistent, or ENOTRECOVERABLE. */
#include "conform.h"
#include <pthread.h>
#include <sys/wait.h>
static pthread_mutex_t m;
static void *die_holding(void *a) { pthread_mutex_lock(&m); return 0; }
int main(void)
{
    pthread_mutexattr_t a; pthread_t t;
    pthread_mutexattr_init(&a); pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST); pthread_mutex_init(&m, &a);
    pthread_create(&t, 0, die_holding, 0); pthread_join(t, 0);
    printf("lock %s\n", errno_name(pthread_mutex_lock(&m)));
    SHOW(pthread_mutex_consistent(&m)); SHOW(pthread_mutex_unlock(&m)); SHOW(pthread_mutex_lock(&m)); SHOW(pthread_mutex_unlock(&m));
    pthread_create(&t, 0, die_holding, 0); pthread_join(t, 0);
    printf("lock %s\n", errno_name(pthread_mutex_lock(&m))); SHOW(pthread_mutex_unlock(&m));
    printf("lock %d\n", pthread_mutex_lock(&m) == 131);
    /* between processes, killed by a signal while another waits */
    pthread_mutex_t *shared = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED); pthread_mutex_init(shared, &a);
    fflush(stdout);
    pid_t child = fork();
    if (!child) { pthread_mutex_lock(shared); usleep(50000); raise(SIGKILL); }
    usleep(20000);
    printf("lock %s\n", errno_name(pthread_mutex_lock(shared)));
    waitpid(child, 0, 0);
    return 0;
}
