/* Futex words that are not mapped, not readable, read-only, not aligned or the kernel's, shared and private. */
#include "pages.h"
#include <linux/futex.h>

#define FUTEX(word, operation, ...) SHOW(syscall(SYS_futex, word, operation, ##__VA_ARGS__))
#define SET_IF_0 FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)

static unsigned good;
static const unsigned constant = 7;

/* Every operation on `word`, and with it as the second word. */
#define ALL(word)                                                          \
    do {                                                                   \
        FUTEX(word, FUTEX_WAIT, 1, 0);                                     \
        FUTEX(word, FUTEX_WAIT_PRIVATE, 1, 0);                             \
        FUTEX(word, FUTEX_WAKE, 1);                                        \
        FUTEX(word, FUTEX_WAKE_PRIVATE, 1);                                \
        FUTEX(word, FUTEX_REQUEUE, 1, 1, &good);                           \
        FUTEX(word, FUTEX_REQUEUE_PRIVATE, 1, 1, &good);                   \
        FUTEX(word, FUTEX_CMP_REQUEUE, 1, 1, &good, 1);                    \
        FUTEX(word, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, &good, 1);            \
        FUTEX(&good, FUTEX_CMP_REQUEUE, 1, 1, word, 0);                    \
        FUTEX(&good, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, word, 0);            \
        FUTEX(word, FUTEX_WAKE_OP, 1, 1, &good, SET_IF_0);                 \
        FUTEX(word, FUTEX_WAKE_OP_PRIVATE, 1, 1, &good, SET_IF_0);         \
        FUTEX(&good, FUTEX_WAKE_OP, 1, 1, word, SET_IF_0);                 \
        FUTEX(&good, FUTEX_WAKE_OP_PRIVATE, 1, 1, word, SET_IF_0);         \
        good = 0;                                                          \
        if (word == untouched)                                             \
            *untouched = 0;                                                \
        FUTEX(word, FUTEX_LOCK_PI, 0, 0);                                  \
        FUTEX(word, FUTEX_LOCK_PI_PRIVATE, 0, 0);                          \
        FUTEX(word, FUTEX_TRYLOCK_PI, 0, 0);                               \
        FUTEX(word, FUTEX_UNLOCK_PI, 0, 0);                                \
        FUTEX(word, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);                        \
        FUTEX(word, FUTEX_WAIT_REQUEUE_PI, 1, 0, &good, 0);                \
        FUTEX(&good, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 1, 0, word, 0);        \
        FUTEX(&good, FUTEX_WAIT_REQUEUE_PI, 1, 0, word, 0);                \
        FUTEX(word, FUTEX_CMP_REQUEUE_PI, 1, 1, &good, 1);                 \
        FUTEX(&good, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 1, word, 0);         \
        FUTEX(&good, FUTEX_CMP_REQUEUE_PI, 1, 1, word, 0);                 \
    } while (0)

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    unsigned *gone = (unsigned *)AT(0), *none = (unsigned *)map_at(1, 1, PROT_NONE);
    unsigned *anonymous = (unsigned *)map_at(2, 1, PROT_READ), *untouched = (unsigned *)map_at(4, 1, RW);
    int memfd = MUST(memfd_create("words", 0));
    MUST(ftruncate(memfd, PAGE));
    unsigned *file = (unsigned *)MUST(mmap(AT(5), 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, memfd, 0));
    unsigned *copy = (unsigned *)MUST(mmap(AT(8), PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, memfd, 0));
    unsigned *behind = (unsigned *)AT(6);
    unsigned *unaligned = (unsigned *)((char *)&good + 1), *kernel = (unsigned *)0xffff888000000000;
    unsigned *edge = (unsigned *)0x7ffffffff000, *last = (unsigned *)0x7fffffffeffd, *null = NULL;
    ALL(gone);
    ALL(none);
    ALL(anonymous);
    ALL(untouched);
    printf("untouched: %d\n", *untouched == 0);
    ALL(file);
    ALL(copy);
    ALL(behind);
    ALL(unaligned);
    ALL(kernel);
    ALL(edge);
    ALL(last);
    ALL(null);
    FUTEX(edge + 1, FUTEX_WAKE_PRIVATE, 1);
    FUTEX(edge - 1, FUTEX_WAKE_PRIVATE, 1);
    FUTEX(&constant, FUTEX_WAIT, 1, 0);
    FUTEX(&constant, FUTEX_WAKE, 1);
    FUTEX(&constant, FUTEX_WAIT_PRIVATE, 1, 0);
    FUTEX(&good, FUTEX_WAIT, 0, 8);
    FUTEX(&good, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, 8);
    FUTEX(&good, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0, 8);
    FUTEX(&good, FUTEX_LOCK_PI, 0, 8);
    FUTEX(&good, FUTEX_TRYLOCK_PI, 0, 8);
    FUTEX(&good, FUTEX_UNLOCK_PI, 0, 8);
    FUTEX(&good, FUTEX_FD, 0, 0);
    FUTEX(&good, 14, 0, 0);
    FUTEX(&good, FUTEX_WAKE_OP, 1, 1, &good, FUTEX_OP(FUTEX_OP_SET, 5, 6, 0));
    printf("%u\n", good);
    FUTEX(&good, FUTEX_WAKE_OP, 1, 1, &good, FUTEX_OP(5, 7, FUTEX_OP_CMP_EQ, 0));
    printf("%u\n", good);
}
