/* needs: userfaultfd
   UFFD_FEATURE_SIGBUS: the fault is a SIGBUS that the faulting thread's own handler resolves. */
#include "conform.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
static int fd, calls; static char *area;
static void on(int s, siginfo_t *si, void *u)
{
    unsigned long page = (unsigned long)si->si_addr & ~(PAGE - 1);
    calls++;
    printf("signal %d code %d page %ld\n", s, si->si_code, (long)(page - (unsigned long)area) / 4096);
    if (page - (unsigned long)area == 0) {
        struct uffdio_zeropage z = {{page, PAGE}};
        SHOW(ioctl(fd, UFFDIO_ZEROPAGE, &z));
    } else {
        static char source[4096] __attribute__((aligned(4096))); memset(source, 'a' + calls, PAGE);
        struct uffdio_copy c = {page, (unsigned long)source, PAGE};
        SHOW(ioctl(fd, UFFDIO_COPY, &c));
    }
}
int main(void)
{
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &sa, 0);
    fd = MUST(syscall(SYS_userfaultfd, O_CLOEXEC));
    struct uffdio_api api = {UFFD_API, UFFD_FEATURE_SIGBUS}; MUST(ioctl(fd, UFFDIO_API, &api));
    area = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register r = {{(unsigned long)area, 4 * PAGE}, UFFDIO_REGISTER_MODE_MISSING}; MUST(ioctl(fd, UFFDIO_REGISTER, &r));
    printf("%d %d\n", area[5], area[PAGE + 9]);
    area[2 * PAGE] = 'x'; printf("%c %c\n", area[2 * PAGE], area[2 * PAGE + 1]);
    SHOW(read(0, area + 3 * PAGE, 1)); SHOW(write(1, area + 3 * PAGE, 1));
    printf("calls %d\n", calls);
    return 0;
}
