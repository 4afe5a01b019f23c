/* Code written through a writable mapping of a memfd is seen in its executable mapping, every time, on every core. */
#include "conform.h"
#include <pthread.h>
#include <stdint.h>

static unsigned char *writable, *executable;
static volatile int turn, bad;

static void put(int value)
{
    unsigned char code[] = {0xb8, value, 0, 0, 0, 0xc3};
    memcpy(writable, code, 6);
}

static void *runner(void *unused)
{
    for (int i = 0; i < 50; i++) {
        while (turn != 2 * i + 1)
            sched_yield();
        asm volatile("cpuid" : : "a"(0), "c"(0) : "rbx", "rdx", "memory");
        bad += ((int (*)(void))executable)() != (i & 127);
        turn = 2 * i + 2;
    }
}

int main(void)
{
    int fd = memfd_create("code", 0);
    pthread_t thread;
    ftruncate(fd, 8192);
    writable = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    executable = mmap(0, 8192, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    for (int i = 0; i < 100; i++) {
        put(i);
        bad += ((int (*)(void))executable)() != i;
    }
    printf("wrong on one thread: %d\n", bad);
    pthread_create(&thread, 0, runner, 0);
    for (int i = 0; i < 50; i++) {
        put(i & 127);
        turn = 2 * i + 1;
        while (turn != 2 * i + 2)
            sched_yield();
    }
    pthread_join(thread, 0);
    printf("wrong on two threads: %d\n", bad);
    /* code in the page that stores to its own page through the other mapping: mov byte [rdi], 7; mov eax, 5; ret */
    unsigned char self[] = {0xc6, 0x07, 0x07, 0xb8, 5, 0, 0, 0, 0xc3};
    memcpy(writable + 4096, self, sizeof self);
    for (int i = 0; i < 3; i++)
        printf("%d ", ((int (*)(void *))(executable + 4096))(writable + 8000));
    printf("%d\n", writable[8000]);
}
