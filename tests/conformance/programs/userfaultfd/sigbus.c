/* SIGBUS: the fault becomes a signal, whose handler fills the page; no message. needs: userfaultfd */
#include "uffd.h"

static int handled;

static void fill(int number, siginfo_t *info, void *context)
{
    struct uffdio_zeropage zero = {{PAGE_OF(info->si_addr), PAGE}, 0, 0};
    printf("signal %d code %d at %+ld\n", number == SIGBUS, info->si_code, (long)((char *)info->si_addr - AREA));
    if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero))
        printf("ZEROPAGE %s\n", errno_name(errno));
    handled++;
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = fill, .sa_flags = SA_SIGINFO};
    MUST(sigaction(SIGBUS, &action, NULL));
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_SIGBUS);
    map_at(0, 8, RW);
    REGISTER(AT(0), 8 * PAGE, MISSING);
    VALUE(AT(0) + 10);
    AT(1)[20] = 5;
    VALUE(AT(1) + 20);
    SHOW(read(0, AT(2), 5));
    SHOW(pipe((int *)AT(3)));
    SHOW(syscall(SYS_clock_gettime, 1, AT(4)));
    int ends[2];
    pipe(ends);
    SHOW(write(ends[1], AT(5), 10));
    printf("handled %d\n", handled);
    struct uffd_msg message;
    SHOW(read(uffd, &message, sizeof message));
    return 0;
}
