/* SCM_RIGHTS: open files travel between sockets, share their positions, and arrive with new numbers. */
#include "conform.h"
#include <sys/socket.h>

static int send_fds(int to, const char *text, int *fds, int count, int level)
{
    char control[CMSG_SPACE(16 * sizeof(int))] = {0};
    struct iovec part = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){CMSG_LEN(count * sizeof(int)), level, SCM_RIGHTS};
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    return sendmsg(to, &message, 0);
}

static void receive(int from, int room, int flags)
{
    char control[CMSG_SPACE(16 * sizeof(int))], text[32] = {0};
    struct iovec part = {text, 8};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    long n = recvmsg(from, &message, flags);
    printf("%ld \"%s\" flags %x control %ld:", n, text, message.msg_flags & ~MSG_CMSG_CLOEXEC, (long)message.msg_controllen);
    struct cmsghdr *header = n >= 0 && message.msg_controllen ? CMSG_FIRSTHDR(&message) : NULL;
    if (header)
        for (unsigned i = 0; i < (header->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
            int fd = ((int *)CMSG_DATA(header))[i];
            printf(" %d(%d)", fd, fcntl(fd, F_GETFD));
        }
    printf("\n");
}

int main(void)
{
    int s[2], ends[2];
    char byte;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s)), MUST(pipe(ends));
    SHOW(send_fds(s[0], "two", ends, 2, SOL_SOCKET));
    SHOW(write(s[0], "plain", 5));
    receive(s[1], CMSG_SPACE(16), 0);
    receive(s[1], CMSG_SPACE(16), 0);
    SHOW(write(8, "x", 1));
    SHOW(read(ends[0], &byte, 1));
    SHOW(send_fds(s[0], "again", ends, 2, SOL_SOCKET));
    receive(s[1], CMSG_SPACE(4), MSG_CMSG_CLOEXEC);
    SHOW(send_fds(s[0], "none", ends, 2, SOL_SOCKET));
    receive(s[1], 0, 0);
    SHOW(send_fds(s[0], "bad", (int[]){99}, 1, SOL_SOCKET));
    SHOW(send_fds(s[0], "last end", ends + 1, 1, SOL_SOCKET));
    close(ends[1]), close(8);
    receive(s[1], CMSG_SPACE(16), 0);
    SHOW(write(8, "y", 1) == 1 || write(9, "y", 1) == 1 || write(10, "y", 1) == 1);
    SHOW(read(ends[0], &byte, 1));
    return 0;
}
