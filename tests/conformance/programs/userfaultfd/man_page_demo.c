/* The manual page's kind of demo: a thread that answers faults with pages of its making, one after the other.
   needs: userfaultfd */
#include "uffd.h"

static void *fault_handler(void *argument)
{
    static int fault_count;
    static char *page;
    page = MUST(mmap(NULL, PAGE, RW, ANON, -1, 0)) == -1 ? NULL : mmap(NULL, PAGE, RW, ANON, -1, 0);
    for (;;) {
        struct pollfd waiting = {uffd, POLLIN, 0};
        int ready = poll(&waiting, 1, -1);
        printf("poll: %d; POLLIN %d; POLLERR %d\n", ready, (waiting.revents & POLLIN) != 0,
               (waiting.revents & POLLERR) != 0);
        struct uffd_msg message;
        if (read(uffd, &message, sizeof message) != sizeof message)
            exit(1);
        print_message(&message);
        memset(page, 'A' + fault_count++ % 20, PAGE);
        struct uffdio_copy copy = {PAGE_OF(message.arg.pagefault.address), (unsigned long)page, PAGE, 0, 0};
        MUST(ioctl(uffd, UFFDIO_COPY, &copy));
    }
}

int main(void)
{
    pthread_t thread;
    setbuf(stdout, NULL);
    uffd = open_uffd(O_CLOEXEC | O_NONBLOCK, 0);
    map_at(0, 3, RW);
    REGISTER(AT(0), 3 * PAGE, MISSING);
    pthread_create(&thread, NULL, fault_handler, NULL);
    for (int at = 0xf; at < 3 * PAGE; at += 1024)
        printf("read %d: %c\n", at, AREA[at]);
    return 0;
}
