/* EXACT_ADDRESS and THREAD_ID. needs: userfaultfd */
#include "uffd.h"

static volatile int tid;

static void *toucher_with_tid(void *at)
{
    tid = syscall(SYS_gettid);
    return (void *)(long)*(volatile char *)at;
}

int main(void)
{
    struct toucher a;
    pthread_t thread;
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_EXACT_ADDRESS | UFFD_FEATURE_THREAD_ID);
    map_at(0, 8, RW);
    REGISTER(AT(0), 8 * PAGE, MISSING);
    start_touch(&a, AT(0) + 1234, 0);
    show_message(uffd);
    ZEROPAGE(AT(0), PAGE, 0);
    finish_touch(&a);
    start_touch(&a, AT(1) + 4095, 1);
    show_message(uffd);
    ZEROPAGE(AT(1), PAGE, 0);
    finish_touch(&a);
    pthread_create(&thread, NULL, toucher_with_tid, AT(2) + 77);
    struct uffd_msg message = show_message(uffd);
    printf("thread id is the toucher's: %d\n", (int)message.arg.pagefault.feat.ptid == tid);
    WAKE(AT(2), PAGE);
    message = show_message(uffd);
    printf("thread id is the toucher's: %d\n", (int)message.arg.pagefault.feat.ptid == tid);
    ZEROPAGE(AT(2), PAGE, 0);
    pthread_join(thread, NULL);
    return 0;
}
