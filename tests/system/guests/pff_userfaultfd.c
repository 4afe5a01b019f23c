/* A program that handles its own userfaultfd faults in ring 3; the argument names what of userfaultfd it tries.
   It prints every forwarded fault (offset in AREA, error code, what the handler answered), and what came of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pff.h"

#define PAGE 4096UL
#define AREA ((char *)0x10000000UL)
#define AT(page) (AREA + (page) * PAGE)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define POISON_IOCTL _IOWR(UFFDIO, 8, struct uffdio_zeropage) /* the same layout */

static struct {
    unsigned long offset, error;
    const char *answer;
} faults[64];
static volatile int count, shown;
static int uffd;

PFF_INLINE int fill(unsigned long request, unsigned long page)
{
    struct uffdio_zeropage given = {{page, PAGE}, 0, 0}; /* CONTINUE's layout, too */
    return (int)pff_syscall(SYS_ioctl, uffd, request, &given);
}

INTERRUPT void handler(struct pff_frame *frame, unsigned long long vector)
{
    unsigned long page = frame->address & -PAGE;
    struct uffdio_writeprotect protect = {{page, PAGE}, 0};
    const char *answer = "nothing";
    (void)vector;
    if (frame->error & 1) {
        if (pff_syscall(SYS_ioctl, uffd, UFFDIO_WRITEPROTECT, &protect) == 0)
            answer = "WRITEPROTECT";
    } else if (fill(UFFDIO_CONTINUE, page) == 0)
        answer = "CONTINUE";
    else if (fill(UFFDIO_ZEROPAGE, page) == 0)
        answer = "ZEROPAGE";
    faults[count].offset = frame->address - (unsigned long)AREA;
    faults[count].error = frame->error;
    faults[count].answer = answer;
    if (++count == 60)
        pff_syscall(SYS_exit_group, 77);
}

static void show(const char *what)
{
    printf("%s:%s", what, shown == count ? " none" : "");
    for (; shown < count; shown++)
        printf(" %#lx/%lu %s", faults[shown].offset, faults[shown].error, faults[shown].answer);
    putchar('\n');
}

static long must(long result, const char *what)
{
    if (result == -1) {
        printf("%s: %s\n", what, strerror(errno));
        exit(98);
    }
    return result;
}
#define MUST(call) must((long)(call), #call)

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    show("before the signal");
    printf("%s at %#lx\n", number == SIGBUS ? "SIGBUS" : "SIGSEGV", (unsigned long)((char *)info->si_addr - AREA));
    exit(0);
}

static void open_uffd(unsigned long features)
{
    struct uffdio_api api = {.api = UFFD_API, .features = features};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    uffd = MUST(syscall(SYS_userfaultfd, O_NONBLOCK));
    MUST(ioctl(uffd, UFFDIO_API, &api));
    MUST(pff_syscall(SYS_uintr_register_handler, handler, UINTR_HANDLER_FLAG_FORWARD_PF) ? -1 : 0);
}

static void registered(char *at, int pages, unsigned long mode)
{
    struct uffdio_register given = {{(unsigned long)at, pages * PAGE}, mode, 0};
    MUST(ioctl(uffd, UFFDIO_REGISTER, &given));
}

static void protect(char *at, int pages)
{
    struct uffdio_writeprotect given = {{(unsigned long)at, pages * PAGE}, UFFDIO_WRITEPROTECT_MODE_WP};
    MUST(ioctl(uffd, UFFDIO_WRITEPROTECT, &given));
}

static char *mapped(int first, int pages, int flags, int fd)
{
    return (char *)MUST(mmap(AT(first), pages * PAGE, RW, flags | MAP_FIXED, fd, 0));
}

static void try_write_protect(void)
{
    open_uffd(0);
    mapped(0, 8, ANON, -1);
    memset(AT(0), 1, 4 * PAGE);
    registered(AT(0), 8, UFFDIO_REGISTER_MODE_WP);
    protect(AT(0), 8);
    _stui();
    *(volatile char *)(AT(1) + 5) = 2;
    show("a store to a protected page");
    *(volatile char *)(AT(1) + 6) = 3;
    (void)*(volatile char *)AT(2);
    *(volatile char *)AT(6) = 4;
    show("to an open one, a load, a missing page");
    __atomic_fetch_add((int *)AT(3), 1, __ATOMIC_SEQ_CST);
    show("a locked addition");
    printf("%d %d %d %d\n", AT(1)[5], AT(1)[6], AT(6)[0], AT(3)[0]);
}

static void try_copy_on_write(void)
{
    int status;
    open_uffd(0);
    mapped(0, 8, ANON, -1);
    registered(AT(0), 8, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
    _stui();
    (void)*(volatile char *)AT(0);
    show("a load");
    *(volatile char *)AT(0) = 5;
    show("a store to the zero page");
    *(volatile char *)AT(1) = 6;
    show("a store to a missing page");
    if (fork() == 0)
        _exit(AT(0)[0]);
    wait(&status);
    *(volatile char *)AT(0) = 7;
    show("a store after fork");
    printf("%d %d, child %d\n", AT(0)[0], AT(1)[0], WEXITSTATUS(status));
}

static void try_minor(void)
{
    open_uffd(0);
    int fd = MUST(memfd_create("m", 0));
    MUST(ftruncate(fd, 4 * PAGE));
    mapped(0, 4, MAP_SHARED, fd);
    mapped(8, 4, MAP_SHARED, fd);
    *AT(8) = 42;
    registered(AT(0), 4, UFFDIO_REGISTER_MODE_MINOR);
    _stui();
    printf("%d\n", *(volatile char *)AT(0));
    show("a page the file has");
    printf("%d\n", *(volatile char *)AT(1));
    show("a page it has not");
}

static void try_async(void)
{
    open_uffd(1 << 15);
    mapped(0, 4, ANON, -1);
    *AT(0) = 1;
    registered(AT(0), 4, UFFDIO_REGISTER_MODE_WP);
    protect(AT(0), 4);
    _stui();
    *(volatile char *)AT(0) = 2;
    *(volatile char *)AT(1) = 3;
    show("stores under WP_ASYNC");
    printf("%d %d\n", *AT(0), *AT(1));
}

static void try_unpopulated(void)
{
    open_uffd(1 << 13);
    mapped(0, 4, ANON, -1);
    registered(AT(0), 4, UFFDIO_REGISTER_MODE_WP);
    protect(AT(0), 4);
    _stui();
    *(volatile char *)AT(0) = 2;
    show("a store to a page that was never there");
    (void)*(volatile char *)AT(1);
    *(volatile char *)AT(1) = 3;
    show("a store after a load");
    printf("%d %d\n", *AT(0), *AT(1));
}

static void try_unmap(void)
{
    open_uffd(0);
    mapped(0, 4, ANON, -1);
    registered(AT(0), 4, UFFDIO_REGISTER_MODE_MISSING);
    MUST(munmap(AT(1), PAGE));
    mapped(1, 1, ANON, -1);
    struct uffdio_range range = {(unsigned long)AT(2), PAGE};
    MUST(ioctl(uffd, UFFDIO_UNREGISTER, &range));
    _stui();
    for (int i = 0; i < 4; i++)
        (void)*(volatile char *)AT(i);
    show("what is left");
    close(uffd);
    MUST(madvise(AT(0), 4 * PAGE, MADV_DONTNEED));
    for (int i = 0; i < 4; i++)
        (void)*(volatile char *)AT(i);
    show("after close");
}

static void try_sigbus(void)
{
    open_uffd(UFFD_FEATURE_SIGBUS);
    mapped(0, 4, ANON, -1);
    registered(AT(0), 4, UFFDIO_REGISTER_MODE_MISSING);
    _stui();
    (void)*(volatile char *)AT(0);
    show("with UIF=1");
    _clui();
    (void)*(volatile char *)AT(1);
}

static void try_poison(void)
{
    open_uffd(0);
    mapped(0, 4, ANON, -1);
    registered(AT(0), 4, UFFDIO_REGISTER_MODE_MISSING);
    MUST(fill(POISON_IOCTL, (unsigned long)AT(1)) ? -1 : 0);
    _stui();
    (void)*(volatile char *)AT(0);
    (void)*(volatile char *)AT(2);
    (void)*(volatile char *)(AT(1) + 8);
}

static void try_guard(void)
{
    open_uffd(0);
    mapped(0, 4, ANON, -1);
    registered(AT(0), 4, UFFDIO_REGISTER_MODE_MISSING);
    MUST(madvise(AT(1), PAGE, 102));
    _stui();
    (void)*(volatile char *)AT(2);
    (void)*(volatile char *)AT(1);
}

static void try_forbidden(void)
{
    open_uffd(0);
    mapped(0, 4, ANON, -1);
    memset(AT(0), 1, 2 * PAGE);
    registered(AT(0), 4, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
    protect(AT(0), 2);
    MUST(mprotect(AT(0), PAGE, PROT_READ));
    _stui();
    *(volatile char *)AT(1) = 1;
    (void)*(volatile char *)AT(2);
    show("what is allowed");
    *(volatile char *)AT(0) = 1;
}

static void try_remap(void)
{
    struct uffd_msg message;
    open_uffd(UFFD_FEATURE_EVENT_REMAP);
    mapped(0, 4, ANON, -1);
    registered(AT(0), 4, UFFDIO_REGISTER_MODE_MISSING);
    int reader = fork(); /* reads the events of this process's memory */
    if (reader == 0) {
        struct pollfd waiting = {uffd, POLLIN, 0};
        poll(&waiting, 1, -1);
        _exit(read(uffd, &message, sizeof message) == sizeof message ? message.event : 0);
    }
    MUST(mremap(AT(0), 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(16)));
    int status;
    wait(&status);
    printf("event %#x\n", WEXITSTATUS(status));
    mapped(0, 4, ANON, -1);
    _stui();
    (void)*(volatile char *)AT(1);
    (void)*(volatile char *)AT(17);
    show("where it was, where it is");
}

static const struct {
    const char *name;
    void (*run)(void);
} trials[] = {
    {"write-protect", try_write_protect}, {"copy-on-write", try_copy_on_write}, {"minor", try_minor},
    {"async", try_async},                 {"sigbus", try_sigbus},               {"poison", try_poison},
    {"guard", try_guard},                 {"forbidden", try_forbidden},         {"remap", try_remap},
    {"unpopulated", try_unpopulated},     {"unmap", try_unmap},
};

int main(int argc, char **argv)
{
    for (unsigned i = 0; i < sizeof trials / sizeof *trials; i++)
        if (argc > 1 && strcmp(trials[i].name, argv[1]) == 0)
            trials[i].run();
    return 0;
}
