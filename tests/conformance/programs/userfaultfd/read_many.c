/* One read() takes as many messages as there is room for. needs: userfaultfd */
#include "uffd.h"

int main(void)
{
    struct toucher touchers[5];
    struct uffd_msg messages[8];
    struct pollfd waiting;
    uffd = open_uffd(O_NONBLOCK, 0);
    map_at(0, 8, RW);
    REGISTER(AT(0), 8 * PAGE, MISSING);
    for (int i = 0; i < 5; i++) {
        start_touch(&touchers[i], AT(i), i & 1);
        usleep(20000);
    }
    printf("%ld\n", read(uffd, messages, 2 * sizeof *messages + 31) / (long)sizeof *messages);
    print_message(&messages[0]);
    print_message(&messages[1]);
    printf("%ld\n", read(uffd, messages, sizeof messages) / (long)sizeof *messages);
    for (int i = 0; i < 3; i++)
        print_message(&messages[i]);
    SHOW(read(uffd, messages, sizeof messages));
    ZEROPAGE(AT(0), 5 * PAGE, 0);
    for (int i = 0; i < 5; i++)
        finish_touch(&touchers[i]);
    SHOW(read(uffd, (void *)8, 32));
    return 0;
}
