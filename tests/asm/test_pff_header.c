// The calls of pff.h: what each does, with a region of its own and forwarding from C.
#include "pff.h"

static char region[16384] __attribute__((aligned(4096)));
static char page_of_sevens[4096] __attribute__((aligned(4096)));
static int uffd;
int faults;
unsigned long last_error;

static void open_region(unsigned long mode)
{
    uffd = pff_open();
    pff_evict((unsigned long)region, sizeof region);
    if (uffd < 0 || pff_register(uffd, (unsigned long)region, sizeof region, mode))
        pff_syscall(SYS_exit_group, 98);
    for (int i = 0; i < 4096; i++)
        page_of_sevens[i] = 7;
}

PFF_HANDLER void by_copy(struct pff_frame *frame, unsigned long long vector)
{
    faults += vector == PFF_PAGE_FAULT;
    last_error = frame->error;
    if (frame->error & 1)
        pff_protect(uffd, frame->address & -4096UL, 4096, 0);
    else
        pff_copy(uffd, frame->address & -4096UL, (unsigned long)page_of_sevens, 4096);
}

// test: pff_copy in a handler brings in what was asked for, page by page
// expect: rax == 4 * 7 and mem32[faults] == 4
// count: forwarded == 4 and uffd_messages == 0
long test_copy(void)
{
    long sum = 0;
    open_region(UFFDIO_REGISTER_MODE_MISSING);
    pff_forward_on(by_copy);
    for (int i = 0; i < 4; i++)
        sum += ((volatile char *)region)[4096 * i];
    return sum;
}

// test: an evicted page faults again, a page given beforehand does not fault
// expect: rax == 7 + 0 + 7
// count: forwarded == 2
long test_evict(void)
{
    volatile char *bytes = region;
    long sum;
    open_region(UFFDIO_REGISTER_MODE_MISSING);
    pff_forward_on(by_copy);
    pff_zero(uffd, (unsigned long)region + 4096, 4096);
    sum = bytes[0] + bytes[4096];
    pff_evict((unsigned long)region, 4096);
    return sum + bytes[0];
}

// test: a protected page faults once for a store, with P and W in the error code
// expect: rax == 9 and mem64[last_error] == 7
// count: forwarded == 1
long test_protect(void)
{
    volatile char *bytes = region;
    open_region(UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
    pff_copy(uffd, (unsigned long)region, (unsigned long)page_of_sevens, 4096);
    pff_protect(uffd, (unsigned long)region, 4096, 1);
    pff_forward_on(by_copy);
    bytes[1] = 9;
    bytes[2] = 9;
    return bytes[1];
}

// test: without forwarding and unregistered, pages are the kernel's again
// expect: rax == 0
// count: forwarded == 0 and uffd_messages == 0
long test_off(void)
{
    volatile char *bytes = region;
    open_region(UFFDIO_REGISTER_MODE_MISSING);
    if (pff_forward_on(by_copy) || pff_is_masked() || pff_forward_off() || !pff_is_masked())
        return 1;
    return pff_unregister(uffd, (unsigned long)region, sizeof region) + bytes[0];
}

// test: mistakes are errno, not errno's address
// expect: rax == 0
long test_errors(void)
{
    return pff_register(-1, 0, 4096, UFFDIO_REGISTER_MODE_MISSING) + 9 /* EBADF */ || pff_forward_on(0) + 14 /* EFAULT */
        || pff_wake(-1, 0, 4096) + 9 || pff_continue(-1, 0, 4096) + 9;
}
