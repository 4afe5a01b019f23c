/* Words on pages that userfaultfd must bring in: what the message says of the access, and what does not wait for it.
   needs: userfaultfd
*/
#include "uffd.h"
#include <linux/futex.h>

struct waiter {
    uint64_t value, word;
    uint32_t flags, reserved;
};

static const char *operation_names[] = {
    "WAIT", "WAIT_PRIVATE", "WAKE", "WAKE_PRIVATE", "CMP_REQUEUE", "CMP_REQUEUE_PRIVATE", "WAKE_OP", "WAKE_OP_PRIVATE",
    "LOCK_PI", "LOCK_PI_PRIVATE", "TRYLOCK_PI", "TRYLOCK_PI_PRIVATE", "UNLOCK_PI", "UNLOCK_PI_PRIVATE", "waitv",
    "waitv private", "WAIT_REQUEUE_PI", "WAIT_REQUEUE_PI_PRIVATE", "CMP_REQUEUE_PI", "CMP_REQUEUE_PI_PRIVATE",
};
static int operation, result_errno;
static long result;

static long do_futex(char *word)
{
    struct waiter waiter = {1, (unsigned long)word, 2 | (operation == 15 ? FUTEX_PRIVATE_FLAG : 0)};
    unsigned long shift = FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0);
    switch (operation) {
    case 0: return syscall(SYS_futex, word, FUTEX_WAIT, 1, 0);
    case 1: return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 1, 0);
    case 2: return syscall(SYS_futex, word, FUTEX_WAKE, 1);
    case 3: return syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1);
    case 4: return syscall(SYS_futex, word, FUTEX_CMP_REQUEUE, 1, 1, word + 8, 5);
    case 5: return syscall(SYS_futex, word, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, word + 8, 5);
    case 6: return syscall(SYS_futex, word, FUTEX_WAKE_OP, 1, 1, word + 8, shift);
    case 7: return syscall(SYS_futex, word, FUTEX_WAKE_OP_PRIVATE, 1, 1, word + 8, shift);
    case 8: return syscall(SYS_futex, word, FUTEX_LOCK_PI, 0, 0);
    case 9: return syscall(SYS_futex, word, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    case 10: return syscall(SYS_futex, word, FUTEX_TRYLOCK_PI, 0, 0);
    case 11: return syscall(SYS_futex, word, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0);
    case 12: return syscall(SYS_futex, word, FUTEX_UNLOCK_PI, 0, 0);
    case 13: return syscall(SYS_futex, word, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    case 14:
    case 15: return syscall(449, &waiter, 1, 0, 0, 0);
    case 16: return syscall(SYS_futex, word, FUTEX_WAIT_REQUEUE_PI, 1, 0, word + 8, 0);
    case 17: return syscall(SYS_futex, word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 1, 0, word + 8, 0);
    case 18: return syscall(SYS_futex, word, FUTEX_CMP_REQUEUE_PI, 1, 1, word + 8, 5);
    default: return syscall(SYS_futex, word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 1, word + 8, 5);
    }
}

static void *body(void *word)
{
    result = do_futex(word);
    result_errno = errno;
    return NULL;
}

static void run(const char *kind, int flags, int user_flags)
{
    for (operation = 0; operation < 20; operation++) {
        MUST(mmap(AREA, PAGE, RW, flags | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
        uffd = open_uffd(O_NONBLOCK | user_flags, 0);
        unsigned long ioctls;
        MUST(do_register(uffd, AREA, PAGE, MISSING, &ioctls));
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, body, AREA));
        struct pollfd waiting = {uffd, POLLIN, 0};
        printf("%s %s:", kind, operation_names[operation]);
        while (poll(&waiting, 1, 50) > 0) {
            struct uffd_msg message;
            if (read(uffd, &message, sizeof message) > 0)
                printf(" [flags %d]", (int)message.arg.pagefault.flags);
            struct uffdio_zeropage zero = {{(unsigned long)AREA, PAGE}};
            MUST(ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
        }
        MUST(pthread_join(thread, NULL));
        printf(" %s\n", result < 0 ? errno_name(result_errno) : result ? "woke" : "0");
        close(uffd);
    }
}

int main(void)
{
    run("anonymous", MAP_PRIVATE, 0);
    run("shared", MAP_SHARED, 0);
    run("user mode only", MAP_PRIVATE, 1);
}
