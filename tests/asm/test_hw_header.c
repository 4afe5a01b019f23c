// The calls of hw.h, on a machine with directed resolution.
// mode: hw
#include "hw.h"

static char region[8 * 4096] __attribute__((aligned(4096)));
static char source[8 * 4096] __attribute__((aligned(4096)));
static unsigned long records[8];
static int uffd;
int declines, reason;

PFF_HANDLER void fallback(struct pff_frame *frame, unsigned long long vector)
{
    declines += vector == PFF_PAGE_FAULT;
    reason = hw_declined(frame);
    pff_zero(uffd, frame->address & -4096UL, 4096);
}

static void begin(void)
{
    uffd = pff_open();
    pff_evict((unsigned long)region, sizeof region);
    for (int i = 0; i < 8; i++)
        source[4096 * i] = (char)(i + 1);
    if (uffd < 0 || pff_register(uffd, (unsigned long)region, sizeof region, UFFDIO_REGISTER_MODE_MISSING))
        pff_syscall(SYS_exit_group, 98);
    if (hw_rings(uffd, 4, 0, 0, 0) || pff_forward_on(fallback))
        pff_syscall(SYS_exit_group, 97);
}

// test: copies come in without a kernel entry; the fifth page finds the ring empty
// expect: rax == 1 + 2 + 3 + 4 + 0 and mem32[declines] == 1 and mem32[reason] == 9
// count: forwarded == 1 and uffd_messages == 0
long test_copies(void)
{
    long sum = 0;
    begin();
    if (hw_donate(uffd, 0, 9) != 4 || hw_direct_copy(uffd, (unsigned long)region, sizeof region, (unsigned long)source) != 1)
        return -1;
    for (int i = 0; i < 5; i++)
        sum += ((volatile char *)region)[4096 * i];
    return sum;
}

// test: a page goes and comes back; the records tell
// expect: rax == 0 and mem32[declines] == 0
long test_returns(void)
{
    volatile char *bytes = region;
    unsigned long page = (unsigned long)region;
    long index;
    begin();
    if (hw_donate_pages(uffd, 0, (unsigned long)source, 4096) != 1)
        return 1;
    index = hw_direct_zero(uffd, page, sizeof region);
    if (bytes[0] || hw_pageout(page, (unsigned long)index) != HW_DONE)
        return 2;
    if (hw_pageout(page, (unsigned long)index) != HW_NOT_THERE)
        return 3;
    bytes[0] = 5;
    if (hw_pageout(page, (unsigned long)index) != HW_DIRTY || hw_pagedrop(page, (unsigned long)index) != HW_DONE)
        return 4;
    if (bytes[0])
        return 5;
    if (hw_drain(uffd, records, 8) != 5 || records[0] != (page | HW_FILLED) || records[1] != (page | HW_RETURNED))
        return 6;
    if (records[2] != (page | HW_FILLED | HW_STORED))
        return 7;
    return hw_revoke(uffd, (unsigned long)index);
}
