/* getrusage and wait4: page faults of each kind, of whom they are, the most memory, switches. */
#include "pages.h"
#include <sys/resource.h>
#include <sys/wait.h>
static struct rusage was, is; static char spare[8192] __attribute__((aligned(4096)));
#define FAULTS(who, what, ...) do { getrusage(who, &is); getrusage(who, &was); __VA_ARGS__; getrusage(who, &is); printf("%s: minor %ld major %ld\n", what, is.ru_minflt - was.ru_minflt, is.ru_majflt - was.ru_majflt); } while (0)
static char *fresh(int pages, int flags, int fd) { char *p = mmap(0, pages * PAGE, RW, flags, fd, 0); madvise(p, pages * PAGE, MADV_NOHUGEPAGE); return p; }
static void touch(volatile char *p, int n) { for (int i = 0; i < n; i++) p[i * PAGE] = 1; }
static int sum; static void look(volatile char *p, int n) { for (int i = 0; i < n; i++) sum += p[i * PAGE]; }
static void *thread_touches(void *p) { FAULTS(RUSAGE_THREAD, "in a thread", touch(p, 20)); return 0; }
static void *thread_waits(void *p) { touch(p, 30); return 0; }
static char *volatile segv; static sigjmp_buf jump; static void on_segv(int s) { siglongjmp(jump, 1); }
static void grow(int n) { char a[PAGE]; *(volatile char *)a = 1; if (n) grow(n - 1); *(volatile char *)a = 2; }
int main(void)
{
    char *p, *q; pthread_t t; int st;
    touch(spare, 2); look((char *)&was, 1); printf("start\n"); getrusage(RUSAGE_SELF, &is);
    p = fresh(400, ANON, -1);
    FAULTS(RUSAGE_SELF, "stores", touch(p, 100)); FAULTS(RUSAGE_SELF, "again", touch(p, 100)); FAULTS(RUSAGE_SELF, "loads", look(p + 100 * PAGE, 50)); FAULTS(RUSAGE_SELF, "stores after loads", touch(p + 100 * PAGE, 50));
    FAULTS(RUSAGE_SELF, "by read", { int fd = open("/dev/zero", O_RDONLY); read(fd, p + 150 * PAGE, 10 * PAGE); close(fd); });
    FAULTS(RUSAGE_SELF, "populate write", madvise(p + 160 * PAGE, 20 * PAGE, MADV_POPULATE_WRITE)); FAULTS(RUSAGE_SELF, "populate read", madvise(p + 180 * PAGE, 20 * PAGE, MADV_POPULATE_READ)); FAULTS(RUSAGE_SELF, "populate write again", madvise(p + 180 * PAGE, 20 * PAGE, MADV_POPULATE_WRITE));
    FAULTS(RUSAGE_SELF, "mlock", mlock(p + 200 * PAGE, 20 * PAGE)); FAULTS(RUSAGE_SELF, "dontneed and stores", { madvise(p, 40 * PAGE, MADV_DONTNEED); touch(p, 100); }); FAULTS(RUSAGE_SELF, "dontneed and loads", { madvise(p, 40 * PAGE, MADV_DONTNEED); look(p, 40); });
    FAULTS(RUSAGE_SELF, "mprotect and stores", { mprotect(p, 100 * PAGE, PROT_READ); mprotect(p, 100 * PAGE, RW); touch(p + 40 * PAGE, 60); });
    FAULTS(RUSAGE_SELF, "MAP_POPULATE", q = mmap(0, 30 * PAGE, RW, ANON | MAP_POPULATE, -1, 0)); FAULTS(RUSAGE_SELF, "MAP_POPULATE to read", mmap(0, 30 * PAGE, PROT_READ, ANON | MAP_POPULATE, -1, 0)); FAULTS(RUSAGE_SELF, "MAP_LOCKED", mmap(0, 30 * PAGE, RW, ANON | MAP_LOCKED, -1, 0)); FAULTS(RUSAGE_SELF, "shared MAP_POPULATE", mmap(0, 30 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
    q = fresh(30, MAP_SHARED | MAP_ANONYMOUS, -1); FAULTS(RUSAGE_SELF, "shared stores", touch(q, 20)); 
    int fd = memfd_create("m", 0); ftruncate(fd, 30 * PAGE); q = fresh(30, MAP_PRIVATE, fd); FAULTS(RUSAGE_SELF, "private stores to a file", touch(q, 20)); 
    q = fresh(2, ANON, -1); munmap(q, PAGE); signal(SIGSEGV, on_segv);
    if (!sigsetjmp(jump, 1)) FAULTS(RUSAGE_SELF, "-", *q = 1); getrusage(RUSAGE_SELF, &is); printf("no mapping: minor %ld\n", is.ru_minflt - was.ru_minflt);
    mprotect(q + PAGE, PAGE, PROT_READ); getrusage(RUSAGE_SELF, &was); if (!sigsetjmp(jump, 1)) q[PAGE] = 1; getrusage(RUSAGE_SELF, &is); printf("no right: minor %ld\n", is.ru_minflt - was.ru_minflt);
    FAULTS(RUSAGE_SELF, "EFAULT", read(0, q, 0); write(1, q, 1));
    grow(20); FAULTS(RUSAGE_SELF, "the stack grows", grow(80));
    FAULTS(RUSAGE_SELF, "mremap", { q = mremap(p, 100 * PAGE, 100 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 300 * PAGE); touch(q + 40 * PAGE, 60); });
    pthread_create(&t, 0, thread_touches, p + 230 * PAGE); pthread_join(t, 0);
    getrusage(RUSAGE_THREAD, &was); getrusage(RUSAGE_SELF, &is); long own = is.ru_minflt; pthread_create(&t, 0, thread_waits, p + 260 * PAGE); pthread_join(t, 0); getrusage(RUSAGE_THREAD, &is); printf("another thread's are not mine %d\n", is.ru_minflt - was.ru_minflt < 30); getrusage(RUSAGE_SELF, &is); printf("but the process's %d\n", is.ru_minflt - own >= 30);
    /* processes */
    getrusage(RUSAGE_CHILDREN, &is); printf("children so far %ld %ld\n", is.ru_minflt, is.ru_maxrss); fflush(stdout);
    if (!fork()) { FAULTS(RUSAGE_SELF, "copies after fork", touch(q + 40 * PAGE, 60)); getrusage(RUSAGE_CHILDREN, &is); printf("a child starts with children %ld\n", is.ru_minflt); fflush(stdout); _exit(0); } wait4(-1, &st, 0, &was); getrusage(RUSAGE_CHILDREN, &is); printf("wait4 tells as much %d, at least the copies %d\n", was.ru_minflt == is.ru_minflt && was.ru_maxrss == is.ru_maxrss, is.ru_minflt >= 60);
    FAULTS(RUSAGE_SELF, "the parent's side", touch(q + 40 * PAGE, 60)); fflush(stdout);
    if (!fork()) { char *b = fresh(3000, ANON, -1); touch(b, 3000); munmap(b, 3000 * PAGE); if (!fork()) { touch(fresh(500, ANON, -1), 500); _exit(0); } wait(0); getrusage(RUSAGE_SELF, &is); printf("the most stays %d\n", is.ru_maxrss >= 12000); fflush(stdout); _exit(0); }
    wait4(-1, &st, 0, &was); getrusage(RUSAGE_CHILDREN, &is); printf("its own and its child's faults %d, most memory %d\n", was.ru_minflt >= 3500 && was.ru_minflt < 4200, was.ru_maxrss >= 12000 && is.ru_maxrss == was.ru_maxrss);
    long before = is.ru_minflt; signal(SIGCHLD, SIG_IGN); if (!fork()) { touch(fresh(500, ANON, -1), 500); _exit(0); } printf("nothing to wait for %d\n", wait(0)); signal(SIGCHLD, SIG_DFL); getrusage(RUSAGE_CHILDREN, &is); printf("what was never a zombie does not count %ld\n", is.ru_minflt - before);
    if (!fork()) { touch(fresh(100, ANON, -1), 100); if (!fork()) _exit(0); _exit(0); } siginfo_t info; memset(&was, 1, sizeof was); syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOWAIT, &was); printf("waitid that leaves it: faults %d\n", was.ru_minflt >= 100); getrusage(RUSAGE_CHILDREN, &is); printf("not counted %ld\n", is.ru_minflt - before); wait(0); getrusage(RUSAGE_CHILDREN, &is); printf("counted %d\n", is.ru_minflt - before >= 100);
    memset(&was, 1, sizeof was); wait4(-1, 0, WNOHANG, &was); printf("nobody %ld\n", was.ru_minflt == 0x0101010101010101);
    /* switches */
    getrusage(RUSAGE_SELF, &was); for (int i = 0; i < 20; i++) usleep(100); getrusage(RUSAGE_SELF, &is); printf("sleeps are voluntary %d\n", is.ru_nvcsw - was.ru_nvcsw >= 20);
    printf("unused %ld %ld %ld %ld %ld %ld %ld\n", is.ru_ixrss, is.ru_idrss, is.ru_isrss, is.ru_nswap, is.ru_msgsnd, is.ru_msgrcv, is.ru_nsignals);
    return 0;
}
