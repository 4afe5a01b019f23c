/* The owner of a lock with priority inheritance ends: with and without a robust list, by exit and SIGKILL. */
#include "conform.h"
#include <linux/futex.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/wait.h>

static struct entry {
    struct robust_list list;
    unsigned word;
} *first, *second;
static struct robust_list_head *head;
static volatile int *stage;

static void show_word(const char *when, unsigned word)
{
    int tid = word & FUTEX_TID_MASK;
    printf("%s: %s%s%s\n", when, tid == gettid() ? "mine" : tid ? "another's" : "nobody's",
           word & FUTEX_WAITERS ? " WAITERS" : "", word & FUTEX_OWNER_DIED ? " DIED" : "");
}

static long lock(struct entry *entry) { return syscall(SYS_futex, &entry->word, FUTEX_LOCK_PI, 0, 0); }
static long unlock(struct entry *entry) { return syscall(SYS_futex, &entry->word, FUTEX_UNLOCK_PI, 0, 0); }

/* `marked`: the list says of its entries that they inherit priority. */
static void make_list(int entries, int marked, int pending)
{
    head->futex_offset = offsetof(struct entry, word);
    head->list.next = entries ? (void *)((char *)&first->list + marked) : &head->list;
    first->list.next = entries > 1 ? (void *)((char *)&second->list + marked) : &head->list;
    second->list.next = &head->list;
    head->list_op_pending = pending ? (void *)((char *)&second->list + marked) : NULL;
    MUST(syscall(SYS_set_robust_list, head, sizeof *head));
}

static void *own_and_end(void *how)
{
    long kind = (long)how;
    MUST(lock(first));
    MUST(lock(second));
    if (kind)
        make_list(kind & 1 ? 2 : 1, 1, kind & 2);
    if (*stage == 0)
        *stage = 1;
    while (*stage != 2)
        usleep(1000);
    usleep(30000);
    if (kind == 4)
        raise(SIGKILL);
    return NULL;
}

static void *wait_for_second(void *unused)
{
    long result = lock(second);
    while (*stage != 3)
        usleep(1000);
    printf("second lock %ld, ", result);
    show_word("second", second->word);
    printf("second unlock %ld\n", unlock(second));
    return NULL;
}

static void take_over(void)
{
    pthread_t waiter;
    MUST(pthread_create(&waiter, NULL, wait_for_second, NULL));
    while (*stage != 1)
        usleep(1000);
    *stage = 2;
    printf("lock %ld, ", lock(first));
    show_word("first", first->word);
    *stage = 3;
    pthread_join(waiter, NULL);
    printf("unlock %ld\n", unlock(first));
    show_word("after", first->word);
}

int main(void)
{
    static const char *names[] = {"nothing", "both listed", "one and another pending", "both, and one pending"};
    pthread_t thread;
    setvbuf(stdout, NULL, _IOLBF, 0);
    char *shared = MUST(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    head = (void *)shared;
    first = (void *)(shared + 256);
    second = (void *)(shared + 512);
    stage = (void *)(shared + 1024);
    for (long kind = 0; kind < 4; kind++) {
        printf("a thread, %s\n", names[kind]);
        first->word = second->word = *stage = 0;
        MUST(pthread_create(&thread, NULL, own_and_end, (void *)kind));
        while (*stage != 1)
            usleep(1000);
        take_over();
        pthread_join(thread, NULL);
    }

    puts("a thread, nobody waits");
    first->word = second->word = 0;
    *stage = 2;
    MUST(pthread_create(&thread, NULL, own_and_end, (void *)1L));
    pthread_join(thread, NULL);
    show_word("first", first->word);
    SHOW(lock(first));
    show_word("first", first->word);
    SHOW(unlock(first));

    puts("a thread, nobody waits, no list");
    first->word = second->word = 0;
    *stage = 2;
    MUST(pthread_create(&thread, NULL, own_and_end, (void *)0L));
    pthread_join(thread, NULL);
    SHOW(lock(first));
    first->word = 0;

    for (long kind = 3; kind < 5; kind++) {
        printf("a process, %s\n", kind == 4 ? "killed" : "exits");
        first->word = second->word = *stage = 0;
        pid_t child = fork();
        if (child == 0) {
            own_and_end((void *)kind);
            _exit(0);
        }
        while (*stage != 1)
            usleep(1000);
        take_over();
        waitpid(child, NULL, 0);
    }
}
