/* A jump into an area without PROT_EXEC: its page is brought in first, by userfaultfd or from a file where that must be. */
#include "conform.h"
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>

static sigjmp_buf back;

static void on_fault(int number, siginfo_t *info, void *context)
{
    ucontext_t *c = context;
    printf("signal %d code %d trap %d error %#x, at the address: %d\n", number, info->si_code,
           (int)c->uc_mcontext.gregs[REG_TRAPNO], (int)c->uc_mcontext.gregs[REG_ERR],
           (unsigned long)info->si_addr == (unsigned long)c->uc_mcontext.gregs[REG_RIP]);
    siglongjmp(back, 1);
}

static void jump(const char *where, char *to)
{
    unsigned char in_core = 0;
    printf("%s: ", where);
    fflush(stdout);
    if (!sigsetjmp(back, 1))
        ((void (*)(void))to)();
    if (mincore(to, 4096, &in_core) == 0)
        printf("  in core %d\n", in_core & 1);
}

static void *supply(void *argument)
{
    int uffd = *(int *)argument;
    struct uffd_msg message;
    read(uffd, &message, sizeof message);
    printf("event %#x flags %#llx, ", message.event, message.arg.pagefault.flags);
    fflush(stdout);
    struct uffdio_zeropage zero = {.range = {message.arg.pagefault.address & ~4095ul, 4096}};
    ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
    return 0;
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    sigaction(SIGBUS, &action, 0);

    char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    jump("to read and write, untouched", page);
    jump("again", page);
    page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    jump("to read", page);
    page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    jump("nothing", page);
    munmap(page, 4096);
    jump("not mapped", page);

    int fd = memfd_create("f", 0);
    ftruncate(fd, 100);
    page = mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0);
    jump("a file", page);
    jump("behind its end", page + 4096);

    int uffd = syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY);
    struct uffdio_api api = {.api = UFFD_API};
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) {
        puts("no userfaultfd");
        return 0;
    }
    page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register area = {.range = {(unsigned long)page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    ioctl(uffd, UFFDIO_REGISTER, &area);
    pthread_t thread;
    pthread_create(&thread, 0, supply, &uffd);
    jump("userfaultfd", page);
    pthread_join(thread, 0);
    return 0;
}
