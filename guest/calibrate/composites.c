/* Faults that user space handles: a thread that reads, polls or spins, a signal handler; on one core or across two. */
#include "bench.h"

enum waits { READ, POLL, BUSY, SIGNAL };

struct fault {
    const char *name;
    enum waits waits;
    enum where where; /* the handler */
    unsigned long fill; /* 0: SIGSEGV, and mprotect */
    /* while it is open */
    int fd;
    char *at, *source;
    _Atomic int ready, stop;
    pthread_t thread;
};

static struct fault faults[] = {
    {"read-zero-same", READ, HERE, UFFDIO_ZEROPAGE},      {"read-copy-same", READ, HERE, UFFDIO_COPY},
    {"poll-zero-same", POLL, HERE, UFFDIO_ZEROPAGE},      {"poll-copy-same", POLL, HERE, UFFDIO_COPY},
    {"read-continue-same", READ, HERE, UFFDIO_CONTINUE},  {"read-unprotect-same", READ, HERE, UFFDIO_WRITEPROTECT},
    {"sigbus-zero", SIGNAL, HERE, UFFDIO_ZEROPAGE},       {"sigbus-copy", SIGNAL, HERE, UFFDIO_COPY},
    {"sigbus-continue", SIGNAL, HERE, UFFDIO_CONTINUE},   {"mprotect-sigsegv", SIGNAL, HERE, 0},
    {"read-zero-other", READ, ACROSS, UFFDIO_ZEROPAGE},   {"read-copy-other", READ, ACROSS, UFFDIO_COPY},
    {"poll-zero-other", POLL, ACROSS, UFFDIO_ZEROPAGE},   {"read-unprotect-other", READ, ACROSS, UFFDIO_WRITEPROTECT},
    {"read-zero-awake", READ, AWAKE, UFFDIO_ZEROPAGE},    {"poll-copy-awake", POLL, AWAKE, UFFDIO_COPY},
    {"busy-zero-awake", BUSY, AWAKE, UFFDIO_ZEROPAGE},    {"busy-copy-awake", BUSY, AWAKE, UFFDIO_COPY},
};
enum { FAULTS = sizeof faults / sizeof *faults };

static struct fault *current; /* the one whose turn it is */
static volatile char sink;
static long turns;

static void resolve(struct fault *fault, char *address)
{
    char *page = (char *)((u64)address & -PAGE);
    must(ioctl_page(fault->fd, fault->fill, page, fault->source + (page - fault->at), 0) == 0, fault->name);
}

static void *handler(void *argument)
{
    struct fault *fault = argument;
    struct uffd_msg message;
    struct pollfd entry = {.fd = fault->fd, .events = POLLIN};
    stay_on(fault->where == HERE ? settings.core : settings.other);
    while (!fault->stop) {
        fault->ready = 1;
        if (fault->waits == POLL)
            call3(SYS_poll, (long)&entry, 1, -1);
        while (!fault->stop && call3(SYS_read, fault->fd, (long)&message, sizeof message) != sizeof message)
            ;
        if (!fault->stop)
            resolve(fault, (char *)message.arg.pagefault.address);
    }
    return NULL;
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    resolve(current, info->si_addr);
}

static void on_sigsegv(int number, siginfo_t *info, void *context)
{
    call3(SYS_mprotect, (long)info->si_addr & -PAGE, PAGE, PROT_READ | PROT_WRITE);
}

/* one page more than there are turns: its fault ends the handler thread */
static int map(struct fault *fault, long pages)
{
    if (fault->fill == 0) {
        fault->at = map_pages(pages);
        memset(fault->at, 1, pages * PAGE);
        must(mprotect(fault->at, pages * PAGE, PROT_NONE) == 0, "mprotect");
        return 1;
    }
    u64 features = fault->waits == SIGNAL ? UFFD_FEATURE_SIGBUS : 0, mode = UFFDIO_REGISTER_MODE_MISSING;
    if (fault->fill == UFFDIO_CONTINUE)
        features |= UFFD_FEATURE_MINOR_SHMEM, mode = UFFDIO_REGISTER_MODE_MINOR;
    if (fault->fill == UFFDIO_WRITEPROTECT)
        features |= UFFD_FEATURE_PAGEFAULT_FLAG_WP, mode = UFFDIO_REGISTER_MODE_WP;
    fault->fd = settings.uffd ? open_uffd(features) : -1;
    if (fault->fd < 0)
        return 0;
    if (fault->fill == UFFDIO_CONTINUE) {
        fault->source = map_memfd(pages, &fault->at);
    } else {
        fault->at = map_pages(pages);
        fault->source = map_pages(pages);
        memset(fault->source, 1, pages * PAGE);
    }
    if (fault->fill == UFFDIO_WRITEPROTECT)
        memset(fault->at, 1, pages * PAGE);
    register_pages(fault->fd, fault->at, pages, mode);
    if (fault->fill == UFFDIO_WRITEPROTECT) {
        struct uffdio_writeprotect all = {{(u64)fault->at, pages * PAGE}, UFFDIO_WRITEPROTECT_MODE_WP};
        must(ioctl(fault->fd, UFFDIO_WRITEPROTECT, &all) == 0, "UFFDIO_WRITEPROTECT");
    }
    if (fault->waits == BUSY || fault->waits == POLL) /* poll of a blocking userfaultfd is an error */
        must(fcntl(fault->fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    return 1;
}

static void open_fault(struct fault *fault, long pages)
{
    turns = pages;
    if (!map(fault, pages + 1)) {
        fault->at = NULL;
        if (settings.uffd)
            left_out(fault->name, "this kernel's userfaultfd does not have it");
        return;
    }
    fault->ready = fault->stop = 0;
    if (fault->waits != SIGNAL)
        must(pthread_create(&fault->thread, NULL, handler, fault) == 0, "pthread_create");
}

static void turn(struct fault *fault, long i)
{
    if (fault->at == NULL)
        return;
    volatile char *page = fault->at + i * PAGE;
    current = fault;
    if (fault->waits != SIGNAL) {
        while (!fault->ready)
            sched_yield();
        fault->ready = 0;
        let_sleep(fault->where);
    }
    /* the line is in the cache, as with the other fills: its miss is not the fault's */
    if (fault->fill == UFFDIO_WRITEPROTECT)
        sink = *page;
    else if (fault->fill == UFFDIO_CONTINUE)
        sink = fault->source[i * PAGE];
    if (fault->fill == UFFDIO_WRITEPROTECT || fault->fill == 0)
        TIMED(fault->name, *page = 2);
    else
        TIMED(fault->name, sink = *page);
}

static void *last_fault(void *page)
{
    sink = *(volatile char *)page;
    *(volatile char *)page = 2;
    return NULL;
}

static void close_fault(struct fault *fault)
{
    if (fault->at == NULL)
        return;
    if (fault->waits == SIGNAL) {
        if (fault->fill)
            close(fault->fd);
    } else {
        pthread_t last;
        while (!fault->ready)
            sched_yield();
        fault->stop = 1;
        must(pthread_create(&last, NULL, last_fault, fault->at + turns * PAGE) == 0, "pthread_create");
        pthread_join(fault->thread, NULL);
        close(fault->fd); /* lets the last fault go on */
        pthread_join(last, NULL);
    }
    munmap(fault->at, (turns + 1) * PAGE);
    if (fault->fill)
        munmap(fault->source, (turns + 1) * PAGE);
}

void open_faults(enum where where, long pages)
{
    struct sigaction bus = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
    struct sigaction segv = {.sa_sigaction = on_sigsegv, .sa_flags = SA_SIGINFO};
    must(sigaction(SIGBUS, &bus, NULL) == 0 && sigaction(SIGSEGV, &segv, NULL) == 0, "sigaction");
    for (int i = 0; i < FAULTS; i++)
        if (faults[i].where == where && faults[i].waits != BUSY)
            open_fault(&faults[i], pages);
        else
            faults[i].at = NULL;
}

void turn_of_faults(long i)
{
    for (int k = 0; k < FAULTS; k++)
        turn(&faults[k], i);
}

void close_faults(void)
{
    for (int i = 0; i < FAULTS; i++) {
        close_fault(&faults[i]);
        faults[i].at = NULL;
    }
    signal(SIGBUS, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
}

/* a handler that spins has the other core for itself, but for the thread that keeps it awake */
void run_busy(void)
{
    for (int i = 0; i < FAULTS; i++) {
        if (faults[i].waits != BUSY)
            continue;
        open_fault(&faults[i], settings.samples);
        for (long page = 0; page < settings.samples; page++)
            turn(&faults[i], page);
        close_faults();
    }
}
