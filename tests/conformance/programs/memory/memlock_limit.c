/* RLIMIT_MEMLOCK for a user without CAP_IPC_LOCK: mlock, mlockall, MAP_LOCKED, MCL_FUTURE, mremap, brk. */
#include "conform.h"
#include <sys/mman.h>
#include <sys/resource.h>

#define LIMIT (64 * PAGE)

static void limit(long bytes)
{
    struct rlimit wanted = {bytes, LIMIT};
    MUST(setrlimit(RLIMIT_MEMLOCK, &wanted));
}

static int status; /* opened first: / need not be open to everybody */

static long locked(void)
{
    char text[4096] = "";
    pread(status, text, sizeof text - 1, 0);
    return atol(strstr(text, "VmLck:") + 6);
}

#define LOCKED(call) SHOW(call), printf("  locked: %ld kB\n", locked())

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    status = MUST(open("/proc/self/status", O_RDONLY));
    if (!geteuid())
        MUST(setresuid(65534, 65534, 65534));
    limit(LIMIT);
    char *p = mmap(NULL, 200 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    LOCKED(mlock(p, 0));
    LOCKED(mlock(p, LIMIT));
    LOCKED(mlock(p, LIMIT + 1));
    LOCKED(mlock(p + LIMIT, 1));
    LOCKED(mlock(p + LIMIT / 2, LIMIT / 2 + 1));
    LOCKED(mlock(p + 1, LIMIT - 1));
    LOCKED(munlock(p + PAGE, 9 * PAGE));
    LOCKED(mlock2(p + LIMIT, 9 * PAGE, MLOCK_ONFAULT));
    LOCKED(mlock2(p + LIMIT + 20 * PAGE, PAGE, MLOCK_ONFAULT));
    LOCKED(mlock2(p + LIMIT - PAGE, 9 * PAGE, 8));
    SHOW_POINTER(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
    LOCKED(munlock(p, 200 * PAGE));
    SHOW(mlockall(MCL_CURRENT));
    SHOW(mlockall(MCL_CURRENT | MCL_FUTURE));
    SHOW(mlock((void *)-PAGE, 2 * PAGE));
    SHOW(mlock((void *)-PAGE, 2L * LIMIT));

    char *q = mmap(NULL, LIMIT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    printf("MAP_LOCKED of all: %d, locked %ld kB\n", q == MAP_FAILED, locked());
    SHOW_POINTER(mremap(q, LIMIT, LIMIT + PAGE, MREMAP_MAYMOVE));
    SHOW_POINTER(mmap(q, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_FIXED, -1, 0));
    MUST(munmap(q, LIMIT / 2));
    q = mremap(q + LIMIT / 2, LIMIT / 2, LIMIT - PAGE, MREMAP_MAYMOVE);
    printf("grown within the limit: %d, locked %ld kB\n", q == MAP_FAILED, locked());
    LOCKED(munmap(q, LIMIT));

    SHOW(mlockall(MCL_FUTURE));
    SHOW_POINTER(mmap(NULL, LIMIT + PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    q = mmap(NULL, LIMIT - PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("MCL_FUTURE within the limit: %d, locked %ld kB\n", q == MAP_FAILED, locked());
    printf("brk of two pages: %d\n", sbrk(2 * PAGE) == (void *)-1);
    LOCKED(munlockall());

    limit(0);
    SHOW(mlock(p, 0));
    SHOW(mlock2(p, 1, 8));
    SHOW(mlock2(p, 1, MLOCK_ONFAULT));
    SHOW(mlockall(MCL_FUTURE));
    SHOW(mlockall(0));
    SHOW_POINTER(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
    SHOW(munlock(p, PAGE));
    SHOW(munlockall());
}
