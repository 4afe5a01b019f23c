/* SIGBUS and write protection: dirty tracking in one thread. needs: userfaultfd */
#include "uffd.h"

static int dirty[8];

static void unprotect(int number, siginfo_t *info, void *context)
{
    unsigned long page = PAGE_OF(info->si_addr);
    struct uffdio_writeprotect protect = {{page, PAGE}, 0};
    dirty[(page - (unsigned long)AREA) / PAGE]++;
    if (ioctl(uffd, UFFDIO_WRITEPROTECT, &protect))
        printf("WRITEPROTECT %s\n", errno_name(errno));
}

int main(void)
{
    int ends[2];
    struct sigaction action = {.sa_sigaction = unprotect, .sa_flags = SA_SIGINFO};
    MUST(sigaction(SIGBUS, &action, NULL));
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_SIGBUS);
    map_at(0, 8, RW);
    memset(AT(0), 1, 8 * PAGE);
    REGISTER(AT(0), 8 * PAGE, WP);
    WRITEPROTECT(AT(0), 8 * PAGE, 1);
    *AT(1) = 2;
    AT(3)[77] = 3;
    AT(3)[78] = 3;
    memset(AT(5) - 3, 9, 6);
    MUST(pipe(ends));
    SHOW(write(ends[1], AT(6), 5));
    SHOW(read(ends[0], AT(7), 5));
    for (int i = 0; i < 8; i++)
        printf("page %d dirty %d value %d\n", i, dirty[i], *AT(i));
    return 0;
}
