/* WP_ASYNC: stores go through unasked. needs: userfaultfd */
#include "uffd.h"

int main(void)
{
    struct uffd_msg message;
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_WP_ASYNC);
    map_at(0, 4, RW);
    *AT(0) = 1;
    REGISTER(AT(0), 4 * PAGE, WP);
    WRITEPROTECT(AT(0), 4 * PAGE, 1);
    *AT(0) = 2;
    *AT(1) = 3;
    VALUE(AT(0));
    VALUE(AT(1));
    SHOW(read(uffd, &message, sizeof message));
    int fd = MUST(memfd_create("m", 0));
    MUST(ftruncate(fd, 4 * PAGE));
    MUST(mmap(AT(8), 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    REGISTER(AT(8), 4 * PAGE, WP);
    WRITEPROTECT(AT(8), 4 * PAGE, 1);
    *AT(8) = 2;
    VALUE(AT(8));
    REGISTER(AT(0), 4 * PAGE, WP | MISSING);
    UNREGISTER(AT(0), 4 * PAGE);
    return 0;
}
