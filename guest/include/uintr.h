/* User interrupts for guests in C: Linux's system calls 471 to 479 (Intel's patches), and xUI's additions.
   Each call returns what the kernel does: a result, or -errno. The instructions are the compiler's, with -muintr:
   _stui(), _clui(), _testui(), _senduipi(index). A handler uses general registers only:

       INTERRUPT void handler(struct __uintr_frame *frame, unsigned long long vector) */
#ifndef UINTR_H
#define UINTR_H

#include <stddef.h>
#include <stdint.h>

#include "pff.h"

#define SYS_uintr_vector_fd 473
#define SYS_uintr_register_sender 474
#define SYS_uintr_unregister_sender 475
#define SYS_uintr_wait 476
#define SYS_uintr_register_self 477
#define SYS_uintr_alt_stack 478
#define SYS_uintr_ipi_fd 479

/* Flags of uintr_register_handler: a user interrupt ends a sleep with EINTR; the side that pays for the wake-up. */
#define UINTR_HANDLER_FLAG_WAITING_RECEIVER 0x1000
#define UINTR_HANDLER_FLAG_WAITING_SENDER 0x2000
#define UINTR_HANDLER_FLAG_WAITING_ANY 0x3000

#define UIPI_SET_TARGET_TABLE 0x7500 /* ioctl of a uipi_fd: adopt its table */

typedef void uintr_handler(struct __uintr_frame *frame, unsigned long long vector);

/* The calling thread takes user interrupts from now on; they stay off until it executes _stui(). */
PFF_INLINE int uintr_register_handler(uintr_handler *handler, unsigned flags)
{
    return (int)pff_syscall(SYS_uintr_register_handler, handler, flags);
}

PFF_INLINE int uintr_unregister_handler(unsigned flags)
{
    return (int)pff_syscall(SYS_uintr_unregister_handler, flags);
}

/* A descriptor for `vector` (0 to 63) of the calling thread, to be handed to senders. */
PFF_INLINE int uintr_vector_fd(uint64_t vector, unsigned flags)
{
    return (int)pff_syscall(SYS_uintr_vector_fd, vector, flags);
}

/* Its name in the first patches. */
PFF_INLINE int uintr_create_fd(uint64_t vector, unsigned flags)
{
    return uintr_vector_fd(vector, flags);
}

/* The index for _senduipi() by which any thread of this process reaches the receiver behind `fd`. */
PFF_INLINE int uintr_register_sender(int fd, unsigned flags)
{
    return (int)pff_syscall(SYS_uintr_register_sender, fd, flags);
}

PFF_INLINE int uintr_unregister_sender(int index, unsigned flags)
{
    return (int)pff_syscall(SYS_uintr_unregister_sender, index, flags);
}

/* Sleep: 0 after `usec` microseconds, -EINTR when a user interrupt ended it (with a WAITING flag). */
PFF_INLINE int uintr_wait(uint64_t usec, unsigned flags)
{
    return (int)pff_syscall(SYS_uintr_wait, usec, flags);
}

/* The index by which any thread of this process reaches `vector` of the calling thread. */
PFF_INLINE int uintr_register_self(uint64_t vector, unsigned flags)
{
    return (int)pff_syscall(SYS_uintr_register_self, vector, flags);
}

/* Handlers of the calling thread run on the stack that ends at `top`; NULL: on the interrupted one again. */
PFF_INLINE int uintr_alt_stack(void *top, size_t size, unsigned flags)
{
    return (int)pff_syscall(SYS_uintr_alt_stack, top, size, flags);
}

/* A descriptor for this process's table of receivers. */
PFF_INLINE int uintr_ipi_fd(unsigned flags)
{
    return (int)pff_syscall(SYS_uintr_ipi_fd, flags);
}

/* _senduipi() for handlers: clang does not inline its own where there are general registers only. */
PFF_INLINE void uipi_send(int index)
{
    __builtin_ia32_senduipi((unsigned long long)index);
}

/* -- xUI's kernel-bypass timer; numbers and encodings are pffemu's -- */

#define SYS_xui_kb_timer 1000
#define XUI_KB_TIMER_ENABLE 1

/* Let the calling thread arm its timer, which raises `vector`; without the flag it may not. */
PFF_INLINE int xui_kb_timer(uint64_t vector, unsigned flags)
{
    return (int)pff_syscall(SYS_xui_kb_timer, vector, flags);
}

/* -- /dev/dma: a test device that copies after a delay; its interrupt may be forwarded to a handler (xUI) -- */

#define XUI_DMA_START 0x40205801 /* ioctls; the argument: a struct xui_dma */
#define XUI_DMA_FORWARD 0x5802   /* the argument: a user vector of the calling thread */
#define XUI_DMA_UNFORWARD 0x5803

struct xui_dma {
    uint64_t destination, source; /* user addresses; neither piece crosses a page */
    uint64_t length, delay;       /* bytes; cycles until it is done */
};

/* SETTIMER rax: one user interrupt in `cycles`. */
PFF_INLINE void kb_timer_once(uint64_t cycles)
{
    __asm__ volatile(".byte 0xf3, 0x0f, 0xc7, 0xe0" : : "a"(cycles) : "memory");
}

/* SETTIMERP rax: one every `cycles`. */
PFF_INLINE void kb_timer_periodic(uint64_t cycles)
{
    __asm__ volatile(".byte 0xf3, 0x0f, 0xc7, 0xe8" : : "a"(cycles) : "memory");
}

PFF_INLINE void kb_timer_stop(void)
{
    kb_timer_once(0);
}

#endif
