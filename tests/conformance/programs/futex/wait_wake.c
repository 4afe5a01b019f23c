/* FUTEX_WAIT and WAKE: values, timeouts, errors. */
#include "conform.h"
#include <linux/futex.h>
#include <time.h>
static unsigned word[4] = {5};
#define F(...) syscall(SYS_futex, __VA_ARGS__)
int main(void)
{
    struct timespec ten = {0, 10000000}, zero = {0, 0}, bad = {0, 2000000000}, neg = {-1, 0};
    SHOW(F(word, FUTEX_WAIT, 4, 0)); SHOW(F(word, FUTEX_WAIT_PRIVATE, 5, &ten)); SHOW(F(word, FUTEX_WAIT, 5, &zero));
    SHOW(F(word, FUTEX_WAIT, 5, &bad)); SHOW(F(word, FUTEX_WAIT, 5, &neg)); SHOW(F(word, FUTEX_WAIT, 5, (void *)8));
    SHOW(F(word, FUTEX_WAKE, 1)); SHOW(F((char *)word + 1, FUTEX_WAIT, 5, 0)); SHOW(F((char *)word + 1, FUTEX_WAKE, 1));
    SHOW(F((void *)8, FUTEX_WAIT, 5, 0)); SHOW(F((void *)8, FUTEX_WAKE, 1)); SHOW(F((void *)8, FUTEX_WAKE_PRIVATE, 1));
    SHOW(F(~3ul, FUTEX_WAKE_PRIVATE, 1)); SHOW(F(word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 5, &ten)); SHOW(F(word, 99, 5, &ten));
    SHOW(F(word, FUTEX_FD, 0, 0)); SHOW(F(word, FUTEX_WAIT_BITSET, 5, &zero, 0, 0)); SHOW(F(word, FUTEX_WAKE_BITSET, 5, 0, 0, 0));
    SHOW(F(word, FUTEX_WAIT_BITSET, 4, &zero, 0, -1)); SHOW(F(word, FUTEX_WAIT_BITSET, 5, &zero, 0, -1));
    struct timespec now; clock_gettime(CLOCK_REALTIME, &now); now.tv_nsec += 5000000; if (now.tv_nsec >= 1000000000) { now.tv_sec++; now.tv_nsec -= 1000000000; }
    SHOW(F(word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &now, 0, -1));
    SHOW(F(word, FUTEX_REQUEUE, -1, 0, word + 1)); SHOW(F(word, FUTEX_CMP_REQUEUE, 1, 1, word + 1, 6)); SHOW(F(word, FUTEX_CMP_REQUEUE, 1, 1, word + 1, 5));
    return 0;
}
