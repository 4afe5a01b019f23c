// Page faults handled in C: delivery and UIRET fit the code that compilers make for interrupt handlers.
#include "pff.h"

// map: buf 64K rw
// uffd: buf missing
// forward: on

unsigned long vector_seen, address_seen;

INTERRUPT void handler(struct pff_frame *frame, unsigned long long vector)
{
    struct uffdio_zeropage zero = {.range = {frame->address & -4096UL, 4096}};
    vector_seen = vector;
    address_seen = frame->address;
    if (pff_syscall(SYS_ioctl, uffd, UFFDIO_ZEROPAGE, &zero))
        pff_syscall(SYS_exit_group, 99);
}

// test: every page of a region comes in through the handler, and its loads are zero
// expect: rax == 0 and mem64[vector_seen] == 14 and mem64[address_seen] == buf + 0xf123
// count: forwarded == 16 and uirets == 16 and wakes == 0 and uffd_messages == 0
long test_sum(void)
{
    long sum = 0;
    for (int page = 0; page < 16; page++)
        sum += buf[page * 4096 + 0x123];
    return sum;
}

// test: a handler keeps the SSE registers of what it interrupts
// cflags: -O2
// regs: xmm1=(3 << 64) + 5 xmm15=7
// expect: rax == 8 and xmm1.q1 == 3 and xmm15 == 7
// count: forwarded == 1
long test_sse(void)
{
    long sum;
    __asm__ volatile("movhlps %%xmm1, %%xmm0\n addb (%1), %%al\n paddq %%xmm1, %%xmm0\n movq %%xmm0, %0"
                     : "=r"(sum) : "r"(buf) : "xmm0", "rax", "memory");
    return sum;
}

// test: with UIF cleared by _clui the kernel gets the fault
// CHECK: clui uif=0
// CHECK: kernel address=buf (UIF=0)
// deadlock: userfaultfd 3 to bring in 0x10000000
void test_clui(void)
{
    _clui();
    (void)buf[0];
}

// test: _testui says what _stui and _clui did
// expect: rax == 0b101
long test_testui(void)
{
    long seen = _testui();
    _clui();
    seen |= _testui() << 1;
    _stui();
    return seen | _testui() << 2;
}

// test: a thread that did not ask is served by one that reads the userfaultfd
// forward: off
// thread: reader
// count: forwarded == 0 and uffd_messages == 1 and wakes >= 1
// expect: eax == 0
void reader(void)
{
    struct uffd_msg message;
    while (pff_syscall(SYS_read, uffd, &message, sizeof message) == sizeof message) {
        struct uffdio_zeropage zero = {.range = {message.arg.pagefault.address & -4096UL, 4096}};
        pff_syscall(SYS_ioctl, uffd, UFFDIO_ZEROPAGE, &zero);
    }
}
int test_reader(void) { return buf[3]; }
