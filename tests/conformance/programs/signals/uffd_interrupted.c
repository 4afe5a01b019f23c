/* needs: userfaultfd
   A signal while a thread waits for a userfaultfd: the handler runs, then the access waits again; death ends the wait. */
#include "conform.h"
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
static int fd; static char *area; static volatile int calls, value = -1;
static void on(int s) { calls++; }
static void *toucher(void *a) { value = area[0]; return 0; }
int main(void)
{
    struct sigaction sa = {.sa_handler = on}; pthread_t t; struct uffd_msg m; int st;
    sigaction(SIGUSR1, &sa, 0);
    fd = MUST(syscall(SYS_userfaultfd, O_CLOEXEC)); struct uffdio_api api = {UFFD_API}; MUST(ioctl(fd, UFFDIO_API, &api));
    area = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register r = {{(unsigned long)area, PAGE}, UFFDIO_REGISTER_MODE_MISSING}; MUST(ioctl(fd, UFFDIO_REGISTER, &r));
    pthread_create(&t, 0, toucher, 0);
    read(fd, &m, sizeof m); printf("event %#x offset %ld\n", m.event, (long)(m.arg.pagefault.address - (unsigned long)area));
    pthread_kill(t, SIGUSR1);
    while (!calls) usleep(1000);
    read(fd, &m, sizeof m); printf("again %#x calls %d value %d\n", m.event, calls, value);
    struct uffdio_zeropage z = {{(unsigned long)area, PAGE}}; SHOW(ioctl(fd, UFFDIO_ZEROPAGE, &z));
    pthread_join(t, 0); printf("value %d\n", value);
    return 0;
}
