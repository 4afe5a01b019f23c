/* One way into the kernel and back, many times: calls WHAT TIMES. */
#include "bench.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static long handled;

static unsigned long get_pid(long times)
{
    unsigned long sum = 0;
    for (long i = 0; i < times; i++)
        sum += syscall(SYS_getpid);
    return sum;
}

static unsigned long clock_time(long times)
{
    struct timespec now;
    for (long i = 0; i < times; i++)
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return now.tv_nsec;
}

static unsigned long futex_wake(long times)
{
    static uint32_t word;
    unsigned long sum = 0;
    for (long i = 0; i < times; i++)
        sum += syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    return sum;
}

static unsigned long write_byte(long times)
{
    unsigned long sum = 0;
    for (long i = 0; i < times; i++)
        sum += write(4, "x", 1);
    return sum;
}

static void on_signal(int number)
{
    (void)number;
    handled++;
}

static unsigned long send_signal(long times)
{
    long pid = getpid(), tid = syscall(SYS_gettid);
    for (long i = 0; i < times; i++)
        syscall(SYS_tgkill, pid, tid, SIGUSR1);
    return handled;
}

static unsigned long minor_fault(long times)
{
    char *memory = mmap(0, times * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (long i = 0; i < times; i++)
        memory[i * 4096] = 1;
    return memory[4096];
}

static volatile int turn;
static int there[2], back[2];
static long rounds;

static void take_turn(int mine)
{
    while (turn != mine)
        syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !mine, 0, 0, 0);
}

static void pass_turn(int to)
{
    turn = to;
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

static void *futex_partner(void *unused)
{
    for (long i = 0; i < rounds; i++) {
        take_turn(1);
        pass_turn(0);
    }
    return unused;
}

static void *pipe_partner(void *unused)
{
    char byte;
    for (long i = 0; i < rounds; i++)
        if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
            return 0;
    return unused;
}

static unsigned long futex_rounds(long times)
{
    for (long i = 0; i < times; i++) {
        pass_turn(1);
        take_turn(0);
    }
    return times;
}

static unsigned long pipe_rounds(long times)
{
    char byte = 1;
    unsigned long sum = 0;
    for (long i = 0; i < times; i++)
        sum += write(there[1], &byte, 1) + read(back[0], &byte, 1);
    return sum;
}

static int with_partner(void *(*partner)(void *), unsigned long (*work)(long))
{
    pthread_t thread;
    pthread_create(&thread, 0, partner, 0);
    return measure(work, rounds) | pthread_join(thread, 0);
}

int main(int count, char **values)
{
    if (count != 3)
        return 2;
    const char *what = values[1];
    rounds = atol(values[2]);
    if (!strcmp(what, "futex-rounds"))
        return with_partner(futex_partner, futex_rounds);
    if (!strcmp(what, "pipe-rounds"))
        return pipe(there) || pipe(back) || with_partner(pipe_partner, pipe_rounds);
    signal(SIGUSR1, on_signal);
    static const struct {
        const char *name;
        unsigned long (*work)(long);
    } kinds[] = {
        {"getpid", get_pid},         {"clock_gettime", clock_time}, {"futex-wake", futex_wake},
        {"write-byte", write_byte},  {"signal", send_signal},       {"minor-fault", minor_fault},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(what, kinds[i].name))
            return measure(kinds[i].work, rounds);
    return 2;
}
