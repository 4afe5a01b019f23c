/* POISON: an access is a memory error. Its si_code is BUS_MCEERR_AR where Linux is built with CONFIG_MEMORY_FAILURE,
   else BUS_ADRERR: shown as 4. needs: userfaultfd */
#include "uffd.h"

static void on_poison(int number, siginfo_t *info, void *context)
{
    info->si_code = info->si_code == BUS_ADRERR ? BUS_MCEERR_AR : info->si_code;
    on_fault(number, info, context);
}

static char source[PAGE] __attribute__((aligned(4096)));

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_poison, .sa_flags = SA_SIGINFO | SA_NODEFER};
    MUST(sigaction(SIGBUS, &action, NULL));
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_POISON);
    map_at(0, 8, RW);
    POISON(AT(0), PAGE, 0);
    REGISTER(AT(0), 8 * PAGE, MISSING);
    POISON(AT(0), 2 * PAGE, 0);
    READ(AT(0) + 5);
    WRITE(AT(1), 1);
    POISON(AT(0), PAGE, 0);
    ZEROPAGE(AT(0), PAGE, 0);
    COPY(AT(0), source, PAGE, 0);
    ZEROPAGE(AT(2), PAGE, 0);
    POISON(AT(2), PAGE, 0);
    POISON(AT(3), PAGE, 2);
    POISON(AT(3) + 1, PAGE, 0);
    POISON(AT(7), 2 * PAGE, 0);
    show_resident("poisoned 0,1", 0, 8);
    SHOW(write(MUST(open("/dev/null", O_WRONLY)), AT(1), 3));
    SHOW(madvise(AT(0), PAGE, MADV_POPULATE_READ));
    SHOW(madvise(AT(0), PAGE, MADV_DONTNEED));
    ZEROPAGE(AT(0), PAGE, 0);
    VALUE(AT(0));
    mprotect(AT(1), PAGE, PROT_READ);
    READ(AT(1));
    mprotect(AT(1), PAGE, RW);
    UNREGISTER(AT(0), 8 * PAGE);
    READ(AT(1));
    mremap(AT(1), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(10));
    READ(AT(10));
    int fd = MUST(memfd_create("m", 0));
    MUST(ftruncate(fd, 2 * PAGE));
    MUST(mmap(AT(16), 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    REGISTER(AT(16), 4 * PAGE, MISSING);
    POISON(AT(16), PAGE, 0);
    POISON(AT(18), PAGE, 0);
    READ(AT(16));
    return 0;
}
