/* Reads of a userfaultfd into memory that cannot be written: EFAULT, and the message is gone, while its thread waits on.
   needs: userfaultfd
*/
#include "uffd.h"

/* A message waits, and its thread sleeps. */
static void until_readable(void)
{
    struct pollfd waiting = {uffd, POLLIN, 0};
    MUST(poll(&waiting, 1, 5000));
    usleep(20000);
}

static void show_rest(void)
{
    struct uffd_msg messages[4];
    struct pollfd waiting = {uffd, POLLIN, 0};
    printf("poll: %d\n", poll(&waiting, 1, 20));
    SHOW(read(uffd, messages, sizeof messages));
}

static void *discard(void *at)
{
    printf("madvise: %d\n", madvise(at, PAGE, MADV_DONTNEED));
    return NULL;
}

int main(void)
{
    struct toucher touchers[3];
    pthread_t thread;
    setvbuf(stdout, NULL, _IONBF, 0);
    map_at(0, 8, RW);
    char *edge = map_at(16, 1, RW) + PAGE;
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_EVENT_REMOVE);
    REGISTER(AREA, 8 * PAGE, MISSING);

    start_touch(&touchers[0], AT(0), 0);
    until_readable();
    SHOW(read(uffd, (void *)8, 32));
    show_rest();
    ZEROPAGE(AREA, PAGE, 0);
    finish_touch(&touchers[0]);

    puts("two messages, room for one and a half");
    start_touch(&touchers[0], AT(1), 0);
    usleep(20000);
    start_touch(&touchers[1], AT(2), 0);
    usleep(20000);
    start_touch(&touchers[2], AT(3), 0);
    usleep(20000);
    SHOW(read(uffd, edge - 48, 96));
    print_message((void *)(edge - 48));
    show_message(uffd);
    show_rest();
    ZEROPAGE(AT(1), 3 * PAGE, 0);
    for (int i = 0; i < 3; i++)
        finish_touch(&touchers[i]);

    puts("an event");
    MUST(pthread_create(&thread, NULL, discard, AT(1)));
    until_readable();
    SHOW(read(uffd, edge - 16, 32));
    pthread_join(thread, NULL);
    show_rest();

    puts("read-only memory");
    MUST(mprotect(AT(16), PAGE, PROT_READ));
    start_touch(&touchers[0], AT(4), 7);
    until_readable();
    SHOW(read(uffd, AT(16), 32));
    show_rest();
    WAKE(AT(4), PAGE);
    show_message(uffd);
    ZEROPAGE(AT(4), PAGE, 0);
    finish_touch(&touchers[0]);
}
