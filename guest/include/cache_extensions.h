/* The mechanisms of cache.h whose kernel or hardware is not today's: upcall, userfault, policy, exmap. Part of cache.h. */
#ifndef CACHE_H
#error "include cache.h"
#endif

#define CACHE_UPCALL_REQUEST 0x8008aa30UL /* UFFDIO_UPCALL */
#define CACHE_POLICY_REQUEST 0x4028aa32UL /* UFFDIO_POLICY */
#define CACHE_EXMAP_SETUP 0x40186b01UL
#define CACHE_EXMAP_ACTION 0x40106b02UL
#define CACHE_PR_USER_FAULTS 79
enum { CACHE_EXMAP_ALLOC = 1, CACHE_EXMAP_FREE };
enum { CACHE_POLICY_COPY = 2, CACHE_POLICY_SYNC = 4 };

struct cache_policy { unsigned long start, length; unsigned kind, evict; unsigned long source, quota; };
struct cache_exmap_setup { int fd, interfaces; unsigned long pages, reserved; };
struct cache_exmap_action { unsigned short interface, count; unsigned opcode; unsigned long vectors; };

PFF_GENERAL static void cache_fault(unsigned long address, int store);

/* `frame`: address, error code, registers; the answer is the userfaultfd. */
PFF_GENERAL __attribute__((used)) static long cache_entered(const unsigned long *frame)
{
    cache_fault(frame[0], (int)(frame[1] & PFF_WRITE));
    return cache_here->uffd;
}

/* The kernel enters here with RSP at the frame, which lacks r8 to r10; UFFDIO_UPCALL_RETURN does not return. */
__attribute__((naked, unused)) static void cache_upcall(void)
{
    __asm__ volatile("cld\n\tpush %r8\n\tpush %r9\n\tpush %r10\n\tsub $8, %rsp\n\tlea 32(%rsp), %rdi\n\t"
                     "call cache_entered\n\tadd $8, %rsp\n\tpop %r10\n\tpop %r9\n\tpop %r8\n\t"
                     "mov %rax, %rdi\n\tmov $16, %eax\n\tmov $0x8060aa31, %esi\n\tmov %rsp, %rdx\n\tsyscall\n\tud2");
}

/* `frame`: fault code, address. A fault outside the cache is the kernel's: the same access, with UFF=0. */
PFF_GENERAL __attribute__((used)) static void cache_user_fault(const unsigned long *frame)
{
    volatile unsigned char *at = (volatile unsigned char *)frame[1];
    if ((frame[1] - (unsigned long)cache_here->base) / CACHE_PAGE < cache_here->pages)
        cache_fault(frame[1], (int)(frame[0] & PFF_WRITE));
    else if (frame[0] & PFF_WRITE)
        __asm__ volatile("lock orb $0, %0" : "+m"(*at));
    else
        (void)*at;
}

/* The hardware enters here with RSP at the frame; UFRET drops what follows its first two words. */
__attribute__((naked, unused)) static void cache_user_entry(void)
{
    __asm__ volatile("cld\n\tpush %rax\n\tpush %rcx\n\tpush %rdx\n\tpush %rsi\n\tpush %rdi\n\tpush %r8\n\tpush %r9\n\t"
                     "push %r10\n\tpush %r11\n\tlea 72(%rsp), %rdi\n\tcall cache_user_fault\n\tpop %r11\n\tpop %r10\n\t"
                     "pop %r9\n\tpop %r8\n\tpop %rdi\n\tpop %rsi\n\tpop %rdx\n\tpop %rcx\n\tpop %rax\n\tadd $16, %rsp\n\t"
                     ".byte 0xf3, 0x0f, 0x01, 0xfa"); /* UFRET */
}

/* The calling thread's faults are answered from now on. */
PFF_INLINE int cache_join_extension(struct cache *cache)
{
    int error;
    if (cache->mechanism == CACHE_UPCALL)
        return (int)pff_syscall(SYS_ioctl, cache->uffd, CACHE_UPCALL_REQUEST, cache_upcall);
    error = (int)pff_syscall(__NR_prctl, CACHE_PR_USER_FAULTS, 1, cache_user_entry);
    if (!error)
        __asm__ volatile(".byte 0xf3, 0x0f, 0x01, 0xeb"); /* STUF */
    return error;
}

PFF_INLINE void cache_leave_extension(struct cache *cache)
{
    if (cache->mechanism == CACHE_USERFAULT) {
        __asm__ volatile(".byte 0xf3, 0x0f, 0x01, 0xea"); /* CLUF */
        pff_syscall(__NR_prctl, CACHE_PR_USER_FAULTS, 0);
    }
}

/* CACHE_POLICY: COPY with the quota, from the file in memory; SYNC: what was stored goes there. */
PFF_INLINE int cache_policy(struct cache *cache, unsigned kind)
{
    struct cache_policy policy = {
        (unsigned long)cache->base, cache->pages * CACHE_PAGE, kind, 0 /* FIFO */, (unsigned long)cache->backing,
        cache->quota,
    };
    return (int)pff_syscall(SYS_ioctl, cache->uffd, CACHE_POLICY_REQUEST, &policy);
}

/* CACHE_POLICY: the file has all that was stored; pages may stay. */
PFF_INLINE int cache_flush_policy(struct cache *cache)
{
    long bytes = (long)(cache->pages * CACHE_PAGE);
    int error = cache_policy(cache, CACHE_POLICY_SYNC);
    return !error && pff_syscall(__NR_pwrite64, cache->fd, cache->backing, bytes, 0) != bytes ? -5 /* EIO */ : error;
}

/* CACHE_EXMAP: the page comes or goes. All threads share an interface. */
PFF_INLINE long cache_act(struct cache *cache, unsigned long page, unsigned opcode)
{
    unsigned long vector = page | 1UL << 52;
    struct cache_exmap_action action = {0, 1, opcode, (unsigned long)&vector};
    long done = pff_syscall(SYS_ioctl, cache->memfd, CACHE_EXMAP_ACTION, &action);
    return done < 0 ? done : done == 1 ? 0 : -12; /* ENOMEM */
}

/* -> the memory, or -errno */
PFF_INLINE long cache_open_exmap(struct cache *cache)
{
    struct cache_exmap_setup setup = {-1, 1, cache->quota, 0};
    long error = pff_syscall(__NR_open, "/dev/exmap", 02000002 /* O_RDWR | O_CLOEXEC */);
    if (error < 0)
        return error;
    cache->memfd = (int)error;
    error = pff_syscall(SYS_ioctl, cache->memfd, CACHE_EXMAP_SETUP, &setup);
    return error ? error : pff_syscall(__NR_mmap, 0, cache->pages * CACHE_PAGE, 3, 1, cache->memfd, 0);
}
