// User interrupts from C, through guest/include/uintr.h: handlers as compilers make them, calls, timer, device.

#include "uintr.h"

volatile unsigned long count, last, deepest;

INTERRUPT static void handler(struct __uintr_frame *frame, unsigned long long vector)
{
    count++;
    last = vector;
    deepest = frame->rsp - (unsigned long)&frame;
}

static int ready(unsigned flags)
{
    int index;
    if (uintr_register_handler(handler, flags))
        return -1;
    index = uintr_register_self(21, 0);
    _stui();
    return index;
}

// test: a thread sends itself a user interrupt, with the compiler's intrinsics
// expect: mem64[count] == 1 and mem64[last] == 21 and uif == 1
void test_self(void)
{
    _senduipi(ready(0));
}

// test: _testui tells the flag, _clui keeps interrupts off
// expect: mem64[count] == 0 and mem32[seen] == 0b10
volatile int seen;
void test_flag(void)
{
    int index = ready(0);
    seen = _testui() << 1;
    _clui();
    seen |= _testui();
    _senduipi(index);
}

// test: by a uvec_fd
// expect: mem64[count] == 1 and mem64[last] == 7
void test_fd(void)
{
    ready(0);
    _senduipi(uintr_register_sender(uintr_create_fd(7, 0), 0));
}

// test: the red zone of a leaf function survives
// expect: mem64[count] == 1 and mem64[deepest] >= 128
void test_red_zone(void)
{
    _senduipi(ready(0));
}

// test: on an alternative stack
// expect: mem64[count] == 1 and frame.at == stack + 4096 - 32
unsigned char stack[4096] __attribute__((aligned(16)));
void test_stack(void)
{
    int index = ready(0);
    uintr_alt_stack(stack + sizeof stack, sizeof stack, 0);
    _senduipi(index);
}

// test: the kernel-bypass timer ends a wait
// expect: mem64[count] == 1 and mem64[last] == 3 and s32(mem32[result]) == -EINTR
volatile int result;
void test_timer(void)
{
    ready(UINTR_HANDLER_FLAG_WAITING_RECEIVER);
    xui_kb_timer(3, XUI_KB_TIMER_ENABLE);
    kb_timer_once(30000);
    result = uintr_wait(1000000, 0);
}

// test: a transfer's end goes to the handler
// expect: mem64[count] == 1 and mem64[last] == 40 and mem64[to] == 0x1122334455667788
volatile unsigned long from = 0x1122334455667788, to;
void test_dma(void)
{
    struct xui_dma transfer = {(uint64_t)&to, (uint64_t)&from, sizeof to, 5000};
    long fd = pff_syscall(__NR_openat, -100, "/dev/dma", 0);
    ready(0);
    pff_syscall(SYS_ioctl, fd, XUI_DMA_FORWARD, 40);
    pff_syscall(SYS_ioctl, fd, XUI_DMA_START, &transfer);
    while (!count)
        ;
}
