/* Operations of one thread: calls, the kernel's own faults, ioctls without a sleeper, signals, protection. */
#include "bench.h"

static volatile u64 sink, handler_at, handler_left;
static char *readable, *writable, *protected, *source;
static char *zeroed, *copied, *continued, *unprotected;
static int missing, minor, write_protect;
static long pid, tid, turns;
static int events = -1; /* a userfaultfd that tells of discarded pages: its messages and wake-ups, without a fault */
static char *discarded;
static pthread_t reader;
static _Atomic int stop;

static void on_signal(int number)
{
    handler_at = now();
    handler_left = now();
}

static void plain(long i)
{
    char *page = writable + i * PAGE;
    TIMED("clock", );
    TIMED("null-call", call3(SYS_getppid, 0, 0, 0));
    TIMED("read-fault", sink = readable[i * PAGE]);
    TIMED("write-fault", *page = 1);
    TIMED("mprotect-page", call3(SYS_mprotect, (long)(protected + i * PAGE), PAGE, PROT_READ | PROT_WRITE));
    TIMED("madvise-page", call3(SYS_madvise, (long)page, PAGE, MADV_DONTNEED));
    TIMED("madvise-nothing", call3(SYS_madvise, (long)page, PAGE, MADV_DONTNEED));
    TIMED("tgkill-nothing", call3(SYS_tgkill, pid, tid, 0));
    u64 start = now();
    call3(SYS_tgkill, pid, tid, SIGUSR1);
    sample("signal-return", 1, now() - handler_left);
    sample("signal-deliver", 1, handler_at - start);
}

static void *read_events(void *unused)
{
    struct uffd_msg message;
    while (!stop)
        call3(SYS_read, events, (long)&message, sizeof message);
    return NULL;
}

static void discard(void)
{
    call3(SYS_madvise, (long)discarded, PAGE, MADV_DONTNEED);
}

static void open_events(void)
{
    events = open_uffd(UFFD_FEATURE_EVENT_REMOVE);
    if (events < 0) {
        left_out("uffd-event", "this kernel's userfaultfd does not have it");
        return;
    }
    discarded = map_pages(1);
    register_pages(events, discarded, 1, UFFDIO_REGISTER_MODE_MISSING);
    stop = 0;
    must(pthread_create(&reader, NULL, read_events, NULL) == 0, "pthread_create");
    discard();
}

static void close_events(void)
{
    if (events < 0)
        return;
    stop = 1;
    discard();
    pthread_join(reader, NULL);
    close(events);
    munmap(discarded, PAGE);
}

static void with_userfaultfd(long i)
{
    struct uffd_msg message;
    struct pollfd entry = {.fd = missing, .events = POLLIN};
    int bad = 0;
    TIMED("ioctl-zeropage", bad |= ioctl_page(missing, UFFDIO_ZEROPAGE, zeroed + i * PAGE, NULL, 0));
    TIMED("ioctl-copy", bad |= ioctl_page(missing, UFFDIO_COPY, copied + i * PAGE, source + i * PAGE, 0));
    if (minor >= 0)
        TIMED("ioctl-continue", bad |= ioctl_page(minor, UFFDIO_CONTINUE, continued + i * PAGE, NULL, 0));
    if (write_protect >= 0)
        TIMED("ioctl-unprotect",
              bad |= ioctl_page(write_protect, UFFDIO_WRITEPROTECT, unprotected + i * PAGE, NULL, 0));
    must(!bad, "ioctl");
    TIMED("uffd-read-empty", call3(SYS_read, missing, (long)&message, sizeof message));
    TIMED("uffd-poll-empty", call3(SYS_poll, (long)&entry, 1, 0));
    if (events >= 0) { /* a flushed TLB makes the next switch dearer: the first one's */
        discard();
        let_sleep(HERE);
        TIMED("uffd-event", discard());
    }
}

static void prepare(long pages)
{
    readable = map_pages(pages);
    writable = map_pages(pages);
    protected = map_pages(pages);
    memset(protected, 1, pages * PAGE);
    must(mprotect(protected, pages * PAGE, PROT_NONE) == 0, "mprotect");
    pid = getpid();
    tid = call3(SYS_gettid, 0, 0, 0);
    if (!settings.uffd)
        return;
    missing = open_uffd(0);
    must(fcntl(missing, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    zeroed = map_pages(pages);
    copied = map_pages(pages);
    source = map_pages(pages);
    memset(source, 1, pages * PAGE);
    register_pages(missing, zeroed, pages, UFFDIO_REGISTER_MODE_MISSING);
    register_pages(missing, copied, pages, UFFDIO_REGISTER_MODE_MISSING);
    minor = open_uffd(UFFD_FEATURE_MINOR_SHMEM);
    char *populated = map_memfd(pages, &continued);
    if (minor >= 0)
        register_pages(minor, continued, pages, UFFDIO_REGISTER_MODE_MINOR);
    munmap(populated, pages * PAGE);
    write_protect = open_uffd(UFFD_FEATURE_PAGEFAULT_FLAG_WP);
    unprotected = map_pages(pages);
    memset(unprotected, 1, pages * PAGE);
    if (write_protect >= 0) {
        register_pages(write_protect, unprotected, pages, UFFDIO_REGISTER_MODE_WP);
        struct uffdio_writeprotect all = {{(u64)unprotected, pages * PAGE}, UFFDIO_WRITEPROTECT_MODE_WP};
        must(ioctl(write_protect, UFFDIO_WRITEPROTECT, &all) == 0, "UFFDIO_WRITEPROTECT");
    }
}

static void release(long pages)
{
    char *const regions[] = {readable, writable, protected, zeroed, copied, source, continued, unprotected};
    for (int i = 0; i < (settings.uffd ? 8 : 3); i++)
        munmap(regions[i], pages * PAGE);
    if (!settings.uffd)
        return;
    close(missing);
    if (minor >= 0)
        close(minor);
    if (write_protect >= 0)
        close(write_protect);
}

void open_primitives(long pages)
{
    struct sigaction action = {.sa_handler = on_signal};
    must(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
    prepare(turns = pages);
    if (settings.uffd)
        open_events();
}

void turn_of_primitives(long i)
{
    plain(i);
    if (settings.uffd)
        with_userfaultfd(i);
}

void close_primitives(void)
{
    close_events();
    release(turns);
    signal(SIGUSR1, SIG_DFL);
}
