/* A thread that waits for a page takes signals; then it faults again. needs: userfaultfd */
#include "uffd.h"

static volatile int handled;
static volatile pid_t toucher_tid;

static void handler(int number)
{
    handled++;
}

static void *touch_page(void *at)
{
    toucher_tid = syscall(SYS_gettid);
    return (void *)(long)*(volatile char *)at;
}

int main(void)
{
    pthread_t thread;
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    MUST(sigaction(SIGUSR1, &action, NULL));
    uffd = open_uffd(O_NONBLOCK, 0);
    map_at(0, 4, RW);
    REGISTER(AT(0), 4 * PAGE, MISSING);
    pthread_create(&thread, NULL, touch_page, AT(0));
    show_message(uffd);
    for (int i = 1; i < 4; i++) {
        syscall(SYS_tgkill, getpid(), toucher_tid, SIGUSR1);
        while (handled < i)
            usleep(1000);
        show_message(uffd);
    }
    ZEROPAGE(AT(0), PAGE, 0);
    pthread_join(thread, NULL);
    printf("handled %d\n", handled);
    struct uffd_msg message;
    SHOW(read(uffd, &message, sizeof message));
    return 0;
}
