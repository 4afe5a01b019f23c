/* Calls, a forwarded fault whose handler calls on, and a signal: what backtraces and `finish` are tried on. */
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pff.h"

static int uffd;
static volatile int total;

__attribute__((noinline)) static int leaf(int x)
{
    return total += x; /* the leaf */
}

__attribute__((noinline)) static int recurse(int n)
{
    return n ? recurse(n - 1) + 1 : leaf(3);
}

__attribute__((noinline)) static void bring_in(unsigned long address)
{
    struct uffdio_zeropage zero = {.range = {address & ~0xfffUL, 0x1000}};
    pff_syscall(SYS_ioctl, uffd, UFFDIO_ZEROPAGE, &zero);
}

INTERRUPT void handler(struct pff_frame *frame, unsigned long long vector)
{
    bring_in(frame->address);
    (void)vector;
}

static void on_signal(int number)
{
    total += leaf(number); /* in the signal's handler */
}

__attribute__((noinline)) static int read_page(volatile char *page)
{
    return page[8]; /* the access */
}

int main(void)
{
    struct uffdio_api api = {.api = UFFD_API};
    char *page = mmap(0, 0x1000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register reg = {.range = {(unsigned long)page, 0x1000}, .mode = UFFDIO_REGISTER_MODE_MISSING};

    recurse(3);
    uffd = (int)syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY);
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg))
        return 1;
    if (syscall(SYS_uintr_register_handler, handler, UINTR_HANDLER_FLAG_FORWARD_PF))
        return 2;
    _stui();
    read_page(page);
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    return total & 1;
}
