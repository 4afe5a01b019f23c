/* EVENT_FORK: a descriptor for the child's memory, whose faults the parent answers. needs: userfaultfd */
#include "uffd.h"
#include <sys/wait.h>

static char source[PAGE] __attribute__((aligned(4096)));
static volatile int child_uffd = -1, answered_for_child;

static void *serve_child(void *argument)
{
    struct uffd_msg message;
    for (;;) {
        struct pollfd waiting = {child_uffd, POLLIN, 0};
        poll(&waiting, 1, -1);
        if (read(child_uffd, &message, sizeof message) != sizeof message)
            continue;
        printf("child: ");
        print_message(&message);
        struct uffdio_copy copy = {PAGE_OF(message.arg.pagefault.address), (unsigned long)source, PAGE, 0, 0};
        struct uffdio_writeprotect protect = {{copy.dst, PAGE}, 0};
        if (message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP)
            ioctl(child_uffd, UFFDIO_WRITEPROTECT, &protect);
        else
            ioctl(child_uffd, UFFDIO_COPY, &copy);
    }
}

static void answer(const struct uffd_msg *message)
{
    pthread_t thread;
    if (message->event == UFFD_EVENT_FORK) {
        child_uffd = message->arg.fork.ufd;
        pthread_create(&thread, NULL, serve_child, NULL);
    } else {
        struct uffdio_zeropage zero = {{PAGE_OF(message->arg.pagefault.address), PAGE}, 0, 0};
        ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
    }
}

int main(void)
{
    int status;
    setbuf(stdout, NULL);
    memset(source, 42, sizeof source);
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_EVENT_FORK);
    map_at(0, 8, RW);
    REGISTER(AT(0), 8 * PAGE, MISSING | WP);
    COPY(AT(1), source, PAGE, UFFDIO_COPY_MODE_WP);
    COPY(AT(4), source, PAGE, 0);
    start_answering(answer);
    int child = fork();
    if (child == 0) {
        VALUE(AT(2));
        *AT(1) = 5;
        VALUE(AT(1));
        *AT(4) = 6;
        VALUE(AT(4));
        *AT(3) = 6;
        VALUE(AT(3) + 1);
        _exit(7);
    }
    waitpid(child, &status, 0);
    printf("child's status %d\n", WEXITSTATUS(status));
    VALUE(AT(1));
    VALUE(AT(2));
    VALUE(AT(4));
    unsigned long fd = uffd;
    uffd = child_uffd;
    ZEROPAGE(AT(5), PAGE, 0);
    WRITEPROTECT(AT(5), PAGE, 1);
    REGISTER(AT(5), PAGE, MISSING);
    UNREGISTER(AT(5), PAGE);
    WAKE(AT(5), PAGE);
    uffd = fd;
    ZEROPAGE(AT(5), PAGE, 0);
    return 0;
}
