/* One thread, one userfaultfd region, faults forwarded to a handler in C: what the debugger's tests stand inside of. */
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pff.h"

#define PAGES 4

static int uffd;
static volatile int handled;

INTERRUPT void handler(struct pff_frame *frame, unsigned long long vector)
{
    struct uffdio_zeropage zero = {.range = {frame->address & ~0xfffUL, 0x1000}};
    handled++;
    pff_syscall(SYS_ioctl, uffd, UFFDIO_ZEROPAGE, &zero);
    (void)vector;
}

static int read_page(volatile char *page)
{
    return page[8]; /* the access */
}

int main(void)
{
    struct uffdio_api api = {.api = UFFD_API};
    char *region = mmap(0, PAGES * 0x1000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register reg = {.range = {(unsigned long)region, PAGES * 0x1000}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    int sum = 0;

    uffd = (int)syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY);
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg))
        return 1;
    if (syscall(SYS_uintr_register_handler, handler, UINTR_HANDLER_FLAG_FORWARD_PF))
        return 2;
    _stui();
    for (int i = 0; i < PAGES; i++)
        sum += read_page(region + i * 0x1000);
    printf("%d pages, sum %d\n", handled, sum);
    return sum;
}
