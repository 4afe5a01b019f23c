/* Threads that wait for each other through pipes: ping-pong, a writer slower than its reader, a full pipe. */
#include "conform.h"
#include <poll.h>
#include <pthread.h>

static int to[2], from[2];
static char big[300000];

static void *echo(void *unused)
{
    int value;
    while (read(to[0], &value, sizeof value) == sizeof value) {
        value *= 2;
        write(from[1], &value, sizeof value);
    }
    close(from[1]);
    return NULL;
}

static void *drain(void *unused)
{
    static char buffer[7000];
    long n, total = 0, sum = 0;
    while ((n = read(to[0], buffer, sizeof buffer)) > 0) {
        total += n;
        for (long i = 0; i < n; i++)
            sum += (unsigned char)buffer[i];
    }
    printf("drained %ld, sum %ld\n", total, sum);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    MUST(pipe(to)), MUST(pipe(from));
    pthread_create(&thread, NULL, echo, NULL);
    for (int i = 0, answer; i < 5; i++) {
        struct pollfd entry = {from[0], POLLIN, 0};
        write(to[1], &i, sizeof i);
        int ready = poll(&entry, 1, -1);
        read(from[0], &answer, sizeof answer);
        printf("%d -> %d (ready %d, %x)\n", i, answer, ready, entry.revents);
    }
    close(to[1]);
    char byte;
    SHOW(read(from[0], &byte, 1));
    pthread_join(thread, NULL);
    close(to[0]);
    MUST(pipe(to));
    for (unsigned i = 0; i < sizeof big; i++)
        big[i] = i * 7;
    pthread_create(&thread, NULL, drain, NULL);
    SHOW(write(to[1], big, sizeof big));
    close(to[1]);
    pthread_join(thread, NULL);
    return 0;
}
