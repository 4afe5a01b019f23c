/* A blocking descriptor: read() sleeps until a message comes. needs: userfaultfd */
#include "uffd.h"

static void *handler(void *argument)
{
    struct uffd_msg message;
    for (int i = 0; i < 3; i++) {
        long size = read(uffd, &message, sizeof message);
        printf("read %ld: ", size);
        print_message(&message);
        struct uffdio_zeropage zero = {{PAGE_OF(message.arg.pagefault.address), PAGE}, 0, 0};
        MUST(ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
    }
    return NULL;
}

int main(void)
{
    pthread_t thread;
    setbuf(stdout, NULL);
    uffd = open_uffd(0, 0);
    map_at(0, 8, RW);
    REGISTER(AT(0), 8 * PAGE, MISSING);
    pthread_create(&thread, NULL, handler, NULL);
    VALUE(AT(0));
    VALUE(AT(1));
    *AT(2) = 5;
    VALUE(AT(2));
    pthread_join(thread, NULL);
    return 0;
}
