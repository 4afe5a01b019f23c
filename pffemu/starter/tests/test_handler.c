#include "pff.h"

// map: buf 16K rw
// uffd: buf missing
// forward: on

static unsigned char source[4096] __attribute__((aligned(4096)));
volatile int calls;

INTERRUPT void handler(struct pff_frame *frame, unsigned long long vector)
{
    (void)vector;
    calls++;
    pff_copy(uffd, frame->address & -4096UL, (unsigned long)source, 4096);
}

// test: the handler fills a page from the source
// expect: eax == 42 and calls == 1
// count: forwarded == 1
int test_fill(void)
{
    source[8] = 42;
    return buf[8];
}

// test: a page faults once
// expect: calls == 1
int test_once(void)
{
    return buf[0] + buf[1] + buf[4095];
}
