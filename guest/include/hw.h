/* Directed resolution for guests in C (docs/hardware-resolution.md): directives, frames, and pages that are returned. Include
   it with pff.h, whose handler stays the fallback for faults that the hardware declines. Each returns 0 or -errno unless it
   says otherwise; addresses and lengths in bytes, whole pages. */
#ifndef HW_H
#define HW_H

#include "pff.h"

#define HW_FEATURE (1UL << 60) /* UFFDIO_API reports it */
#define HW_ZERO 1              /* kinds */
#define HW_MAP 2
#define HW_COPY 3
#define HW_READ 1 /* rights */
#define HW_WRITE 2
#define HW_PROTECTED 1 /* flag: pages come in write-protected */
#define HW_EACH_CORE 0xffffffffUL
#define HW_FILLED 1UL /* bits of a record, beside the page's address */
#define HW_RETURNED 2UL
#define HW_STORED 4UL
#define HW_DONE 0 /* of hw_pageout */
#define HW_NOT_THERE 1
#define HW_DIRTY 0x41

struct uffdio_direct {
    unsigned long start, len;
    unsigned kind, rights, flags, around;
    unsigned long src;
    long stride;
    unsigned long quota, index, entries;
};
struct uffdio_donate { unsigned long core, frames, start, given; };
struct uffdio_drain { unsigned long buffer, room, drained, lost; };
struct uffdio_rings { unsigned long frames, low, batch, helper, held; };
#define UFFDIO_DIRECT _IOWR(UFFDIO, 0x20, struct uffdio_direct)
#define UFFDIO_REVOKE _IOW(UFFDIO, 0x21, unsigned long)
#define UFFDIO_DONATE _IOWR(UFFDIO, 0x22, struct uffdio_donate)
#define UFFDIO_DRAIN _IOWR(UFFDIO, 0x23, struct uffdio_drain)
#define UFFDIO_RINGS _IOWR(UFFDIO, 0x24, struct uffdio_rings)

/* Each core's ring has room for `frames`; below `low` the kernel refills it on core `helper`, `batch` frames at a time. */
PFF_INLINE int hw_rings(int uffd, unsigned long frames, unsigned long low, unsigned long batch, unsigned long helper)
{
    struct uffdio_rings rings = {frames, low, batch, helper, 0};
    return (int)pff_syscall(SYS_ioctl, uffd, UFFDIO_RINGS, &rings);
}

/* Frames of the kernel's for a core's ring, or each one's; how many it took. */
PFF_INLINE long hw_donate(int uffd, unsigned long core, unsigned long frames)
{
    struct uffdio_donate donate = {core, frames, 0, 0};
    long error = pff_syscall(SYS_ioctl, uffd, UFFDIO_DONATE, &donate);
    return error ? error : (long)donate.given;
}

/* The program's own pages from `start` on for a core's ring; how many it took. They are missing afterwards. */
PFF_INLINE long hw_donate_pages(int uffd, unsigned long core, unsigned long start, unsigned long length)
{
    struct uffdio_donate donate = {core, length / 4096, start, 0};
    long error = pff_syscall(SYS_ioctl, uffd, UFFDIO_DONATE, &donate);
    return error ? error : (long)donate.given;
}

/* A directive with everything chosen; its index. */
PFF_INLINE long hw_direct(int uffd, const struct uffdio_direct *wanted)
{
    struct uffdio_direct direct = *wanted;
    long error = pff_syscall(SYS_ioctl, uffd, UFFDIO_DIRECT, &direct);
    return error ? error : (long)direct.index;
}

/* Missing pages of a registered range hold zeros. */
PFF_INLINE long hw_direct_zero(int uffd, unsigned long start, unsigned long length)
{
    struct uffdio_direct direct = {start, length, HW_ZERO, HW_READ | HW_WRITE, 0, 0, 0, 0, 0, 0, 0};
    return hw_direct(uffd, &direct);
}

/* Missing pages of a registered range are copies of those from `from` on. */
PFF_INLINE long hw_direct_copy(int uffd, unsigned long start, unsigned long length, unsigned long from)
{
    struct uffdio_direct direct = {start, length, HW_COPY, HW_READ | HW_WRITE, 0, 0, from, 4096, 0, 0, 0};
    return hw_direct(uffd, &direct);
}

/* Missing pages of a registered shared range are those that its file has in its cache now. */
PFF_INLINE long hw_direct_map(int uffd, unsigned long start, unsigned long length)
{
    struct uffdio_direct direct = {start, length, HW_MAP, HW_READ | HW_WRITE, 0, 0, 0, 0, 0, 0, 0};
    return hw_direct(uffd, &direct);
}

/* When it returns, no core fills a page under the directive. */
PFF_INLINE int hw_revoke(int uffd, unsigned long index)
{
    return (int)pff_syscall(SYS_ioctl, uffd, UFFDIO_REVOKE, &index);
}

/* The oldest records of pages that came and went, at most `room`; how many. */
PFF_INLINE long hw_drain(int uffd, unsigned long *records, unsigned long room)
{
    struct uffdio_drain drain = {(unsigned long)records, room, 0, 0};
    long error = pff_syscall(SYS_ioctl, uffd, UFFDIO_DRAIN, &drain);
    return error ? error : (long)drain.drained;
}

/* A clean page becomes missing again, without the kernel: HW_DONE, HW_NOT_THERE or HW_DIRTY. */
PFF_INLINE int hw_pageout(unsigned long page, unsigned long index)
{
    unsigned long operand = page | index, flags;
    __asm__ volatile(".byte 0xf3, 0x0f, 0xc7, 0xd0\n\tpushfq\n\tpopq %0"
                     : "=r"(flags) : "a"(operand) : "cc", "memory");
    return (int)(flags & HW_DIRTY);
}

/* The same for a dirty page, too, whose content is lost. */
PFF_INLINE int hw_pagedrop(unsigned long page, unsigned long index)
{
    unsigned long operand = page | index, flags;
    __asm__ volatile(".byte 0xf3, 0x0f, 0xc7, 0xd8\n\tpushfq\n\tpopq %0"
                     : "=r"(flags) : "a"(operand) : "cc", "memory");
    return (int)(flags & HW_DIRTY);
}

/* In a handler: why the hardware declined the fault (1 to 15); 0: it did not. */
PFF_INLINE int hw_declined(const struct pff_frame *frame)
{
    return frame->error & 1UL << 14 ? (int)(frame->error >> 16 & 0xff) : 0;
}

#endif
