/* set_robust_list and get_robust_list; a list by hand: owner-died bit, waiters, other people's words. */
#include "conform.h"
#include <linux/futex.h>
#include <pthread.h>
static struct { struct robust_list list; unsigned word; } mine, other; static struct robust_list_head head;
static void *die(void *a)
{
    head.list.next = &mine.list; mine.list.next = &other.list; other.list.next = &head.list;
    head.futex_offset = (char *)&mine.word - (char *)&mine.list; head.list_op_pending = 0;
    mine.word = gettid() | FUTEX_WAITERS; other.word = 12345;
    SHOW(syscall(SYS_set_robust_list, &head, sizeof head));
    return 0;
}
int main(void)
{
    pthread_t t;
    SHOW(syscall(SYS_set_robust_list, &head, 8L));
    pthread_create(&t, 0, die, 0); pthread_join(t, 0);
    printf("mine: died %d waiters %d tid %d other %u\n", !!(mine.word & FUTEX_OWNER_DIED), !!(mine.word & FUTEX_WAITERS), mine.word & FUTEX_TID_MASK, other.word);
    return 0;
}
