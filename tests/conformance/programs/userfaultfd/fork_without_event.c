/* A fork without EVENT_FORK: the child's memory is registered no more; its inherited descriptor works on the parent's.
   needs: userfaultfd */
#include "uffd.h"
#include <sys/wait.h>

int main(void)
{
    struct toucher a;
    struct uffd_msg message;
    int status;
    setbuf(stdout, NULL);
    uffd = open_uffd(O_NONBLOCK, 0);
    map_at(0, 8, RW);
    REGISTER(AT(0), 8 * PAGE, MISSING | WP);
    ZEROPAGE(AT(0), PAGE, 0);
    COPY(AT(1), AT(0), PAGE, UFFDIO_COPY_MODE_WP);
    if (fork() == 0) {
        VALUE(AT(2));
        *AT(1) = 5;
        *AT(3) = 6;
        VALUE(AT(1));
        ZEROPAGE(AT(3), PAGE, 0); /* in the parent */
        ZEROPAGE(AT(3), PAGE, 0);
        COPY(AT(4), AT(3), PAGE, 0); /* from here to there */
        WRITEPROTECT(AT(1), PAGE, 0);
        MOVE(AT(5), AT(4), PAGE, 0);
        map_at(16, 1, RW);
        REGISTER(AT(16), PAGE, MISSING);
        REGISTER(AT(5), PAGE, MISSING);
        _exit(0);
    }
    wait(&status);
    VALUE(AT(3));
    VALUE(AT(4));
    *AT(1) = 7;
    VALUE(AT(1));
    start_touch(&a, AT(2), 0);
    show_message(uffd);
    if (fork() == 0) {
        ZEROPAGE(AT(2), PAGE, 0); /* wakes the parent's thread */
        _exit(0);
    }
    finish_touch(&a);
    wait(&status);
    SHOW(read(uffd, &message, sizeof message));
    return 0;
}
