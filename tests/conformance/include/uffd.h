/* userfaultfd as Linux 6.18 has it, whatever the headers of the system are, and helpers around it. */
#ifndef UFFD_H
#define UFFD_H

#include "pages.h"
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>

#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_POISON
#define UFFD_FEATURE_POISON (1 << 14)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#ifndef UFFD_FEATURE_MOVE
#define UFFD_FEATURE_MOVE (1 << 16)
#endif
#ifndef UFFDIO_CONTINUE_MODE_WP
#define UFFDIO_CONTINUE_MODE_WP 2
#endif
#ifndef UFFDIO_POISON
struct uffdio_poison {
    struct uffdio_range range;
    __u64 mode;
    __s64 updated;
};
#define UFFDIO_POISON _IOWR(UFFDIO, 8, struct uffdio_poison)
#define UFFDIO_POISON_MODE_DONTWAKE 1
#endif
#ifndef UFFDIO_MOVE
struct uffdio_move {
    __u64 dst, src, len, mode;
    __s64 move;
};
#define UFFDIO_MOVE _IOWR(UFFDIO, 5, struct uffdio_move)
#define UFFDIO_MOVE_MODE_DONTWAKE 1
#define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES 2
#endif

#define MISSING UFFDIO_REGISTER_MODE_MISSING
#define WP UFFDIO_REGISTER_MODE_WP
#define MINOR UFFDIO_REGISTER_MODE_MINOR

static int uffd = -1;

static inline int open_uffd(int flags, unsigned long features)
{
    struct uffdio_api api = {.api = UFFD_API, .features = features};
    int fd = MUST(syscall(SYS_userfaultfd, flags));
    MUST(ioctl(fd, UFFDIO_API, &api));
    return fd;
}

/* Every ioctl shows its errno and what it left in its structure. */
static inline void show_ioctl(const char *what, long result, long out)
{
    if (result)
        printf("%s = %s, %ld\n", what, errno_name(errno), out);
    else
        printf("%s = 0, %ld\n", what, out);
}

static inline long do_register(int fd, void *at, unsigned long length, unsigned long mode, unsigned long *ioctls)
{
    struct uffdio_register given = {{(unsigned long)at, length}, mode, 0};
    long result = ioctl(fd, UFFDIO_REGISTER, &given);
    *ioctls = given.ioctls;
    return result;
}

#define REGISTER(at, length, mode)                                                 \
    do {                                                                           \
        unsigned long ioctls_;                                                     \
        long result_ = do_register(uffd, at, length, mode, &ioctls_);              \
        if (result_)                                                               \
            printf("REGISTER " #at ", " #length ", " #mode " = %s\n", errno_name(errno)); \
        else                                                                       \
            printf("REGISTER " #at ", " #length ", " #mode " = 0, ioctls %#lx\n", ioctls_);   \
    } while (0)

#define UNREGISTER(at, length)                                                     \
    do {                                                                           \
        struct uffdio_range range_ = {(unsigned long)(at), length};                \
        show_result("UNREGISTER " #at ", " #length, ioctl(uffd, UFFDIO_UNREGISTER, &range_)); \
    } while (0)

#define WAKE(at, length)                                                           \
    do {                                                                           \
        struct uffdio_range range_ = {(unsigned long)(at), length};                \
        show_result("WAKE " #at ", " #length, ioctl(uffd, UFFDIO_WAKE, &range_));  \
    } while (0)

#define COPY(at, from, length, mode_)                                              \
    do {                                                                           \
        struct uffdio_copy copy_ = {(unsigned long)(at), (unsigned long)(from), length, mode_, 77}; \
        long result_ = ioctl(uffd, UFFDIO_COPY, &copy_);                           \
        show_ioctl("COPY " #at ", " #from ", " #length ", " #mode_, result_, copy_.copy); \
    } while (0)

#define ZEROPAGE(at, length, mode_)                                                \
    do {                                                                           \
        struct uffdio_zeropage zero_ = {{(unsigned long)(at), length}, mode_, 77}; \
        long result_ = ioctl(uffd, UFFDIO_ZEROPAGE, &zero_);                       \
        show_ioctl("ZEROPAGE " #at ", " #length ", " #mode_, result_, zero_.zeropage); \
    } while (0)

#define CONTINUE(at, length, mode_)                                                \
    do {                                                                           \
        struct uffdio_continue given_ = {{(unsigned long)(at), length}, mode_, 77}; \
        long result_ = ioctl(uffd, UFFDIO_CONTINUE, &given_);                      \
        show_ioctl("CONTINUE " #at ", " #length ", " #mode_, result_, given_.mapped); \
    } while (0)

#define POISON(at, length, mode_)                                                  \
    do {                                                                           \
        struct uffdio_poison given_ = {{(unsigned long)(at), length}, mode_, 77};  \
        long result_ = ioctl(uffd, UFFDIO_POISON, &given_);                        \
        show_ioctl("POISON " #at ", " #length ", " #mode_, result_, given_.updated); \
    } while (0)

#define WRITEPROTECT(at, length, mode_)                                            \
    do {                                                                           \
        struct uffdio_writeprotect given_ = {{(unsigned long)(at), length}, mode_}; \
        show_result("WRITEPROTECT " #at ", " #length ", " #mode_, ioctl(uffd, UFFDIO_WRITEPROTECT, &given_)); \
    } while (0)

#define MOVE(at, from, length, mode_)                                              \
    do {                                                                           \
        struct uffdio_move given_ = {(unsigned long)(at), (unsigned long)(from), length, mode_, 77}; \
        long result_ = ioctl(uffd, UFFDIO_MOVE, &given_);                          \
        show_ioctl("MOVE " #at ", " #from ", " #length ", " #mode_, result_, given_.move); \
    } while (0)

static inline void print_message(const struct uffd_msg *message)
{
    switch (message->event) {
    case UFFD_EVENT_PAGEFAULT:
        printf("pagefault flags %llu at %+ld\n", message->arg.pagefault.flags,
               (long)message->arg.pagefault.address - (long)AREA);
        break;
    case UFFD_EVENT_FORK:
        printf("fork, a descriptor: %d\n", (int)message->arg.fork.ufd > 0);
        break;
    case UFFD_EVENT_REMAP:
        printf("remap from %+ld to %+ld length %llu\n", (long)message->arg.remap.from - (long)AREA,
               (long)message->arg.remap.to - (long)AREA, message->arg.remap.len);
        break;
    default:
        printf("%s from %+ld to %+ld\n", message->event == UFFD_EVENT_REMOVE ? "remove" : "unmap",
               (long)message->arg.remove.start - (long)AREA, (long)message->arg.remove.end - (long)AREA);
    }
}

/* Read one message, which must be there or come, and print it. */
static inline struct uffd_msg show_message(int fd)
{
    struct uffd_msg message;
    struct pollfd waiting = {fd, POLLIN, 0};
    poll(&waiting, 1, 5000);
    long size = read(fd, &message, sizeof message);
    if (size == sizeof message)
        print_message(&message);
    else
        printf("no message: %s\n", errno_name(errno));
    return message;
}

/* A thread that touches one byte; `joined` says what it saw. */
struct toucher {
    pthread_t thread;
    char *at;
    int store;
    int seen;
};

static inline void *touch_(void *argument)
{
    struct toucher *toucher = argument;
    if (toucher->store)
        *(volatile char *)toucher->at = toucher->store;
    toucher->seen = *(volatile unsigned char *)toucher->at;
    return NULL;
}

static inline void start_touch(struct toucher *toucher, char *at, int store)
{
    toucher->at = at;
    toucher->store = store;
    if (pthread_create(&toucher->thread, NULL, touch_, toucher))
        exit(98);
}

static inline void finish_touch(struct toucher *toucher)
{
    pthread_join(toucher->thread, NULL);
    printf("thread saw %d at %+ld\n", toucher->seen, (long)(toucher->at - AREA));
}

/* Prints and answers every message by a function, on a thread of its own, until the process ends. */
static void (*answer_message)(const struct uffd_msg *);
static volatile int answered;

static inline void *answer_(void *argument)
{
    struct uffd_msg message;
    struct pollfd waiting = {uffd, POLLIN, 0};
    for (;;) {
        poll(&waiting, 1, -1);
        if (read(uffd, &message, sizeof message) == sizeof message) {
            print_message(&message);
            answer_message(&message);
            answered++;
        }
    }
}

static inline void start_answering(void (*answer)(const struct uffd_msg *))
{
    static pthread_t thread;
    answer_message = answer;
    if (pthread_create(&thread, NULL, answer_, NULL))
        exit(98);
}

/* Wait until `count` messages in all were printed: what the caller prints comes behind them. */
static inline void until_answered(int count)
{
    while (answered < count)
        usleep(1000);
}

#define PAGE_OF(address) ((unsigned long)(address) & ~(PAGE - 1))

#endif
