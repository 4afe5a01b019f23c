/* String instructions, the stack and instruction fetches on missing and protected pages: which messages, in which
   order, and what registers say afterwards. Which of its two operands CMPS loads first is the CPU's choice.
   needs: userfaultfd intel */
#include "uffd.h"

static char source[PAGE] __attribute__((aligned(4096)));

static void answer(const struct uffd_msg *message)
{
    unsigned long page = PAGE_OF(message->arg.pagefault.address);
    struct uffdio_copy copy = {page, (unsigned long)source, PAGE, 0, 0};
    struct uffdio_writeprotect protect = {{page, PAGE}, 0};
    if (message->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP)
        ioctl(uffd, UFFDIO_WRITEPROTECT, &protect);
    else
        ioctl(uffd, UFFDIO_COPY, &copy);
}

static void strings(const char *name, int from, int to, long count, int what)
{
    char *d = AT(to) + PAGE - 8, *s = AT(from) + PAGE - 8;
    printf("%s\n", name);
    switch (what) {
    case 0: __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(count) : : "memory"); break;
    case 1: __asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(count) : : "memory"); break;
    case 2: __asm__ volatile("rep stosb" : "+D"(d), "+c"(count) : "a"(1) : "memory"); break;
    case 3: __asm__ volatile("rep stosq" : "+D"(d), "+c"(count) : "a"(1L) : "memory"); break;
    case 4: __asm__ volatile("repe cmpsb" : "+D"(d), "+S"(s), "+c"(count) : : "memory", "cc"); break;
    case 5: __asm__ volatile("repne scasb" : "+D"(d), "+c"(count) : "a"(1) : "memory", "cc"); break;
    case 6: __asm__ volatile("rep lodsb" : "+S"(s), "+c"(count) : : "rax", "memory"); break;
    case 7: __asm__ volatile("movsq" : "+D"(d), "+S"(s) : : "memory"); break;
    case 8: __asm__ volatile("std; rep stosb; cld" : "+D"(d), "+c"(count) : "a"(1) : "memory"); break;
    case 9: __asm__ volatile("stosq" : "+D"(d) : "a"(1L) : "memory"); break;
    }
    printf("  left %ld, moved %ld %ld\n", count, (long)(d - AT(to)), (long)(s - AT(from)));
}

static void stack(const char *name, char *top, int what)
{
    printf("%s\n", name);
    switch (what) {
    case 0: __asm__ volatile("mov %%rsp, %%r8; mov %0, %%rsp; push %%rax; mov %%r8, %%rsp" : : "r"(top) : "r8", "memory"); break;
    case 1: __asm__ volatile("mov %%rsp, %%r8; mov %0, %%rsp; pop %%rax; mov %%r8, %%rsp" : : "r"(top) : "r8", "rax", "memory"); break;
    case 2: __asm__ volatile("mov %%rsp, %%r8; mov %0, %%rsp; call 1f; 1: mov %%r8, %%rsp" : : "r"(top) : "r8", "memory"); break;
    case 3: __asm__ volatile("mov %%rsp, %%r8; mov %0, %%rsp; pushfq; mov %%r8, %%rsp" : : "r"(top) : "r8", "memory"); break;
    case 4: __asm__ volatile("mov %%rsp, %%r8; mov %%rbp, %%r9; mov %0, %%rsp; enter $16, $0; mov %%r9, %%rbp; mov %%r8, %%rsp"
                             : : "r"(top) : "r8", "r9", "memory"); break;
    case 5: __asm__ volatile("mov %%rsp, %%r8; mov %%rbp, %%r9; mov %0, %%rbp; leave; mov %%r9, %%rbp; mov %%r8, %%rsp"
                             : : "r"(top) : "r8", "r9", "memory"); break;
    }
}

int main(void)
{
    setbuf(stdout, NULL);
    memset(source, 0xc3, sizeof source); /* ret */
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_EXACT_ADDRESS);
    map_at(0, 200, RW | PROT_EXEC);
    REGISTER(AT(0), 200 * PAGE, MISSING | WP);
    start_answering(answer);
    strings("rep movsb", 0, 4, 16, 0);
    strings("rep movsb of nothing", 8, 12, 0, 0);
    strings("rep movsq", 16, 20, 600, 1);
    strings("rep stosb", 24, 24, 5000, 2);
    strings("rep stosq", 28, 28, 600, 3);
    strings("repe cmpsb", 32, 36, 16, 4);
    strings("repne scasb", 40, 40, 20, 5);
    strings("rep lodsb", 44, 44, 16, 6);
    strings("movsq", 48, 52, 0, 7);
    strings("backwards", 57, 57, 5000, 8);
    strings("stosq", 60, 60, 0, 9);
    stack("push", AT(64) + 64, 0);
    stack("push to the page below", AT(67), 0);
    stack("pop", AT(68) + 64, 1);
    stack("call", AT(70) + 64, 2);
    stack("pushfq", AT(72) + 64, 3);
    stack("enter", AT(74) + 64, 4);
    stack("leave", AT(76) + 64, 5);
    printf("fetch\n");
    ((void (*)(void))AT(80))();
    ((void (*)(void))(AT(82) + 0x123))();
    printf("fetch over the edge\n");
    struct uffdio_copy copy = {(unsigned long)AT(84), (unsigned long)source, PAGE, 0, 0};
    MUST(ioctl(uffd, UFFDIO_COPY, &copy));
    AT(84)[PAGE - 1] = 0x90;
    AT(84)[PAGE - 2] = 0x90;
    ((void (*)(void))(AT(84) + PAGE - 2))();
    AT(84)[PAGE - 1] = 0xb8; /* mov eax, imm32 on both pages */
    madvise(AT(85), PAGE, MADV_DONTNEED);
    ((void (*)(void))(AT(84) + PAGE - 1))();
    return 0;
}
