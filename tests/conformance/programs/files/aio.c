/* Asynchronous reads and writes as libaio makes them: io_setup, io_submit, io_getevents, their errors, an eventfd. */
#include "conform.h"
#include <linux/aio_abi.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <sys/wait.h>

static aio_context_t context;
static struct iocb blocks[8], *list[8];
static struct io_event events[8];
static int eventfd_for_all = -1;

static struct iocb *prepare(int i, int op, int fd, void *buffer, long size, long offset)
{
    memset(&blocks[i], 0, sizeof blocks[i]);
    blocks[i] = (struct iocb){.aio_data = 100 + i, .aio_lio_opcode = op, .aio_fildes = fd, .aio_buf = (uintptr_t)buffer, .aio_nbytes = size, .aio_offset = offset, .aio_key = 77};
    if (eventfd_for_all >= 0)
        blocks[i].aio_flags = IOCB_FLAG_RESFD, blocks[i].aio_resfd = eventfd_for_all;
    return list[i] = &blocks[i];
}

static long submit(long count)
{
    return syscall(SYS_io_submit, context, count, list);
}

static void events_of(long least, long most)
{
    struct timespec none = {0, 0};
    long got = syscall(SYS_io_getevents, context, least, most, events, &none);
    show_result("io_getevents", got);
    for (int i = 0; i < got; i++)
        printf("  data %lld obj %d res %lld res2 %lld\n", events[i].data, (int)((struct iocb *)events[i].obj - blocks), events[i].res, events[i].res2);
}

static void *waits(void *unused)
{
    show_result("a thread waits for two", syscall(SYS_io_getevents, context, 2, 8, events, NULL));
    return NULL;
}

int main(void)
{
    static char page[8192] = "written by request", back[8192];
    SHOW(syscall(SYS_io_setup, 0, &context)), SHOW(syscall(SYS_io_setup, 4, NULL)), SHOW(syscall(SYS_io_setup, 1 << 30, &context));
    SHOW(syscall(SYS_io_setup, 70000, &context));
    SHOW(syscall(SYS_io_setup, 4, &context)), SHOW(syscall(SYS_io_setup, 4, &context));
    printf("context %d\n", context != 0);
    int fd = MUST(open("aio", O_RDWR | O_CREAT, 0600)), reader = MUST(open("aio", O_RDONLY)), pipes[2];
    prepare(0, IOCB_CMD_PWRITE, fd, page, sizeof page, 0), prepare(1, IOCB_CMD_PWRITE, fd, page, 100, 10000);
    SHOW(submit(2));
    printf("key %u\n", blocks[0].aio_key);
    events_of(1, 8), events_of(0, 8);
    struct iovec parts[2] = {{back, 7}, {back + 100, 11}};
    prepare(0, IOCB_CMD_PREAD, fd, back + 4096, 18, 0), prepare(1, IOCB_CMD_PREADV, fd, parts, 2, 0);
    prepare(2, IOCB_CMD_PREAD, fd, back, 100, 1 << 20);
    SHOW(submit(3));
    events_of(3, 2), events_of(3, 8);
    prepare(0, IOCB_CMD_FSYNC, fd, NULL, 0, 0), SHOW(submit(1));
    SHOW(syscall(SYS_io_getevents, context, 1, 1, events, NULL)), printf("res %lld\n", events[0].res);
    printf("%s, %.7s, %.11s\n", back + 4096, back, back + 100);
    prepare(0, IOCB_CMD_PREAD, fd, (void *)8, 100, 0), prepare(1, IOCB_CMD_PWRITE, reader, page, 1, 0);
    SHOW(submit(2));
    events_of(0, 8);
    list[0] = list[1];
    SHOW(submit(1));
    prepare(0, IOCB_CMD_PREAD, 99, page, 1, 0), SHOW(submit(1));
    prepare(0, 9, fd, page, 1, 0), SHOW(submit(1));
    prepare(0, IOCB_CMD_FSYNC, fd, page, 1, 0), SHOW(submit(1));
    prepare(0, IOCB_CMD_PREAD, fd, page, -1, 0), SHOW(submit(1));
    prepare(0, IOCB_CMD_PREAD, fd, page, 1, -5), SHOW(submit(1));
    prepare(0, IOCB_CMD_PREAD, fd, page, 1, 0)->aio_reserved2 = 1, SHOW(submit(1));
    prepare(0, IOCB_CMD_PREAD, fd, page, 1, 0)->aio_rw_flags = 0x8000, SHOW(submit(1));
    prepare(0, IOCB_CMD_PREAD, fd, (void *)-4096L, 1, 0), SHOW(submit(1));
    prepare(0, IOCB_CMD_PREAD, fd, page, 1, 0)->aio_flags = IOCB_FLAG_RESFD, blocks[0].aio_resfd = fd, SHOW(submit(1));
    list[0] = (void *)8, SHOW(submit(1)), SHOW(submit(-1)), SHOW(submit(0));
    SHOW(syscall(SYS_io_submit, 12345, 1, list)), SHOW(syscall(SYS_io_getevents, 12345, 0, 1, events, NULL));
    SHOW(syscall(SYS_io_getevents, context, -1, 1, events, NULL)), SHOW(syscall(SYS_io_getevents, context, 2, 1, events, NULL));
    eventfd_for_all = MUST(eventfd(0, 0));
    MUST(pipe(pipes));
    prepare(0, IOCB_CMD_PWRITE, pipes[1], page, 18, 0), prepare(1, IOCB_CMD_PREAD, pipes[0], back + 200, 18, 4000);
    SHOW(submit(2));
    uint64_t count = 0;
    SHOW(read(eventfd_for_all, &count, 8));
    printf("signalled %d, %s\n", (int)count, back + 200);
    events_of(2, 8);
    struct timespec soon = {0, 5000000};
    SHOW(syscall(SYS_io_getevents, context, 1, 8, events, &soon));
    pthread_t thread;
    pthread_create(&thread, NULL, waits, NULL);
    for (int i = 0; i < 2; i++) {
        usleep(20000);
        prepare(0, IOCB_CMD_PREAD, fd, back, 10, 0), MUST(submit(1));
    }
    pthread_join(thread, NULL), fflush(stdout);
    if (!fork()) {
        SHOW(submit(1));
        fflush(stdout), _exit(0);
    }
    wait(NULL);
    SHOW(syscall(SYS_io_cancel, context, &blocks[0], events));
    SHOW(syscall(SYS_io_destroy, context)), SHOW(syscall(SYS_io_destroy, context)), SHOW(submit(1));
    return 0;
}
