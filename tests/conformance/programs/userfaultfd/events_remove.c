/* EVENT_REMOVE: madvise waits until it was read; filling meanwhile is EAGAIN. needs: userfaultfd */
#include "uffd.h"

static int advice, pages, result_of;

static void *advise(void *argument)
{
    result_of = madvise(AT(0), pages * PAGE, advice);
    return NULL;
}

static void run(int what, int count)
{
    pthread_t thread;
    struct pollfd waiting = {uffd, POLLIN, 0};
    advice = what;
    pages = count;
    pthread_create(&thread, NULL, advise, NULL);
    poll(&waiting, 1, 5000);
    ZEROPAGE(AT(7), PAGE, 0);
    COPY(AT(7), AT(0), PAGE, 0);
    WRITEPROTECT(AT(7), PAGE, 1);
    VALUE(AT(0));
    show_message(uffd);
    pthread_join(thread, NULL);
    printf("madvise %d = %d\n", what, result_of);
}

int main(void)
{
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_EVENT_REMOVE);
    map_at(0, 8, RW);
    for (int i = 0; i < 7; i++)
        *AT(i) = i + 1;
    REGISTER(AT(0), 8 * PAGE, MISSING | WP);
    run(MADV_DONTNEED, 1);
    show_resident("after", 0, 8);
    ZEROPAGE(AT(0), PAGE, 0);
    run(MADV_FREE, 2);
    show_resident("after", 0, 8);
    ZEROPAGE(AT(7), PAGE, 0);
    MUST(mmap(AT(0), 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    *AT(0) = 1;
    REGISTER(AT(0), 4 * PAGE, MISSING);
    madvise(AT(7), PAGE, MADV_COLD);
    pages = 2;
    advice = MADV_REMOVE;
    pthread_t thread;
    pthread_create(&thread, NULL, advise, NULL);
    show_message(uffd);
    pthread_join(thread, NULL);
    printf("%d\n", result_of);
    show_resident("after", 0, 8);
    return 0;
}
