/* needs: userfaultfd
   getrusage: a fault that waits for a userfaultfd is a major one. */
#include "uffd.h"
#include <sys/resource.h>
static struct rusage was, is; static char spare[4096] __attribute__((aligned(4096)));
#define FAULTS(what, ...) do { getrusage(RUSAGE_THREAD, &is); getrusage(RUSAGE_THREAD, &was); __VA_ARGS__; getrusage(RUSAGE_THREAD, &is); printf("%s: minor %ld major %ld\n", what, is.ru_minflt - was.ru_minflt, is.ru_majflt - was.ru_majflt); } while (0)
static void touch(volatile char *p, int n) { for (int i = 0; i < n; i++) p[i * PAGE] = 1; }
static int sum; static void look(volatile char *p, int n) { for (int i = 0; i < n; i++) sum += p[i * PAGE]; }
static volatile int mode;
static void *giver(void *a)
{
    for (;;) {
        struct uffd_msg m; read(uffd, &m, sizeof m); unsigned long at = m.arg.pagefault.address & ~(PAGE - 1);
        if (mode == 0) { struct uffdio_copy c = {at, (long)spare, PAGE, 0, 0}; ioctl(uffd, UFFDIO_COPY, &c); }
        if (mode == 1) { struct uffdio_zeropage z = {{at, PAGE}, 0, 0}; ioctl(uffd, UFFDIO_ZEROPAGE, &z); }
        if (mode == 2) { struct uffdio_writeprotect w = {{at, PAGE}, 0}; ioctl(uffd, UFFDIO_WRITEPROTECT, &w); }
        if (mode == 3) { struct uffdio_continue c = {{at, PAGE}, 0, 0}; ioctl(uffd, UFFDIO_CONTINUE, &c); }
    }
}
int main(void)
{
    pthread_t t; unsigned long i;
    spare[0] = 1; FAULTS("start");
    uffd = open_uffd(0, UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_PAGEFAULT_FLAG_WP); pthread_create(&t, 0, giver, 0);
    map_at(0, 60, RW); touch(AT(59), 1); do_register(uffd, AT(0), 60 * PAGE, MISSING | WP, &i);
    FAULTS("nothing"); FAULTS("copies for loads", look(AT(0), 5)); FAULTS("copies for stores", touch(AT(5), 5)); mode = 1; FAULTS("zero pages for loads", look(AT(10), 5)); FAULTS("then stores", touch(AT(10), 5)); FAULTS("zero pages for stores", touch(AT(15), 5));
    mode = 0; int fd = open("/dev/zero", O_RDONLY); FAULTS("a call's stores", printf("%ld\n", read(fd, AT(20), 3 * PAGE)));
    struct uffdio_writeprotect w = {{(long)AT(5), 5 * PAGE}, 1}; ioctl(uffd, UFFDIO_WRITEPROTECT, &w); mode = 2; FAULTS("write protection", touch(AT(5), 5)); FAULTS("again", touch(AT(5), 5));
    mode = 0;
    FAULTS("populate", madvise(AT(40), 4 * PAGE, 23));
    FAULTS("process_vm", { char b; struct iovec here = {&b, 1}, there = {AT(50), 1}; process_vm_readv(getpid(), &here, 1, &there, 1, 0); });
    int m = memfd_create("m", 0); ftruncate(m, 8 * PAGE); mmap(AT(100), 8 * PAGE, RW, MAP_SHARED | MAP_FIXED, m, 0); touch(mmap(0, 8 * PAGE, RW, MAP_SHARED, m, 0), 8); do_register(uffd, AT(100), 8 * PAGE, MINOR, &i);
    mode = 3; FAULTS("minor faults for loads", look(AT(100), 4)); FAULTS("minor faults for stores", touch(AT(104), 4));
    return 0;
}
