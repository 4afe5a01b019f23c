/* Preemptive user-level threads on one kernel thread:   pffemu run uipi_preempt [TICKS]
 *
 *     gcc -O2 -static -muintr -I guest/include examples/uipi_preempt.c -o uipi_preempt
 *
 * Three workers that never yield share one core. A periodic kernel-bypass timer (xUI) interrupts the running one; the
 * handler switches to the next worker's stack, whose own handler then returns into it. No system call is made meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>

#include "uintr.h"

enum { WORKERS = 3, STACK = 64 * 1024, TIMER_VECTOR = 1, SLICE = 20000 /* cycles */ };

struct context {
    void *stack_pointer; /* below it: the callee-saved registers, in the order of switch_to */
    unsigned char fpu[512] __attribute__((aligned(16)));
};

static struct context main_context, workers[WORKERS];
static unsigned char stacks[WORKERS][STACK] __attribute__((aligned(16)));
static volatile unsigned long work[WORKERS];
static volatile long ticks_left;
static int current = -1;

/* Save the caller in `from`, go on where `to` was saved. The handlers around it save the other registers. */
void switch_to(struct context *from, struct context *to);
__asm__(".text\n"
        "switch_to:\n"
        "    push %rbx\n    push %rbp\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    fxsave64 16(%rdi)\n"
        "    mov %rsp, (%rdi)\n"
        "    mov (%rsi), %rsp\n"
        "    fxrstor64 16(%rsi)\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbp\n    pop %rbx\n"
        "    ret\n");

INTERRUPT static void on_tick(struct __uintr_frame *frame, unsigned long long vector)
{
    struct context *from = &workers[current];
    (void)frame, (void)vector;
    if (--ticks_left <= 0) {
        kb_timer_stop();
        switch_to(from, &main_context);
    }
    current = (current + 1) % WORKERS;
    switch_to(from, &workers[current]);
}

/* A worker starts here, inside the handler of the one before it: UIF is 0 until it sets it. */
static void worker(void)
{
    int me = current;
    _stui();
    for (;;)
        work[me]++;
}

static void prepare(int i)
{
    void **top = (void **)(stacks[i] + STACK) - 1; /* as after a call */
    *--top = (void *)worker;
    top -= 6; /* what switch_to pops */
    workers[i].stack_pointer = top;
    __asm__ volatile("fxsave64 %0" : "=m"(workers[i].fpu));
}

int main(int argc, char **argv)
{
    ticks_left = argc > 1 ? atol(argv[1]) : 30;
    for (int i = 0; i < WORKERS; i++)
        prepare(i);
    if (uintr_register_handler(on_tick, 0) || xui_kb_timer(TIMER_VECTOR, XUI_KB_TIMER_ENABLE)) {
        fprintf(stderr, "no user interrupts, or no kernel-bypass timer\n");
        return 2;
    }
    current = 0;
    kb_timer_periodic(SLICE);
    switch_to(&main_context, &workers[0]);
    uintr_unregister_handler(0);
    for (int i = 0; i < WORKERS; i++)
        printf("worker %d: %lu rounds\n", i, work[i]);
    return 0;
}
