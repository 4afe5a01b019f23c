/* SCM_CREDENTIALS and SO_PASSCRED; descriptors in messages of streams and datagrams, and what holds only itself. */
#include "conform.h"
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static pid_t first;

static long transfer(int fd, const char *text, struct ucred *cred, int *fds, int count)
{
    char control[512] __attribute__((aligned(8)));
    struct iovec part = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct cmsghdr *header = (void *)control;
    if (fds) {
        *header = (struct cmsghdr){CMSG_LEN(4 * count), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(header), fds, 4 * count);
        message.msg_control = control, message.msg_controllen = CMSG_SPACE(4 * count);
        header = (void *)(control + CMSG_SPACE(4 * count));
    }
    if (cred) {
        *header = (struct cmsghdr){CMSG_LEN(sizeof *cred), SOL_SOCKET, SCM_CREDENTIALS};
        memcpy(CMSG_DATA(header), cred, sizeof *cred);
        message.msg_control = control, message.msg_controllen += CMSG_SPACE(sizeof *cred);
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static void receive(int fd, int room, int flags)
{
    char control[256] = {0}, text[64];
    struct iovec part = {text, sizeof text};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    long n = recvmsg(fd, &message, flags);
    printf("  %ld flags %x control %ld", n < 0 ? -1 : n, message.msg_flags, n < 0 ? 0 : (long)message.msg_controllen);
    for (struct cmsghdr *c = n < 0 || !room ? NULL : CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_type == SCM_CREDENTIALS) {
            struct ucred *cred = (void *)CMSG_DATA(c);
            printf(" [%s %d %d]", cred->pid == first ? "first" : cred->pid == 0 ? "none" : "child", cred->uid, cred->gid);
        } else
            for (unsigned i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / 4; i++) {
                int got = ((int *)CMSG_DATA(c))[i];
                printf(" (%d)", fcntl(got, F_GETFD));
                if (!(flags & MSG_PEEK))
                    close(got);
            }
    }
    printf("\n");
}

static void set(int fd, int on) { MUST(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on)); }

static void pairs(int type)
{
    int s[2], ends[2];
    MUST(socketpair(AF_UNIX, type, 0, s)), MUST(pipe(ends));
    struct ucred mine = {first, 0, 0}, other = {first, 77, 88}, none = {999999, 0, 0};
    SHOW(transfer(s[0], "before", NULL, NULL, 0));
    set(s[1], 1);
    SHOW(transfer(s[0], "after", NULL, NULL, 0));
    receive(s[1], 256, 0);
    receive(s[1], 256, MSG_DONTWAIT);
    SHOW(transfer(s[0], "explicit", &mine, NULL, 0));
    receive(s[1], 256, 0);
    SHOW(transfer(s[0], "other ids", &other, NULL, 0));
    SHOW(transfer(s[0], "mine", NULL, NULL, 0));
    receive(s[1], 256, 0);
    receive(s[1], 256, 0);
    SHOW(transfer(s[0], "no process", &none, NULL, 0));
    SHOW(transfer(s[0], "both", &mine, ends, 2));
    receive(s[1], 256, MSG_PEEK | MSG_CMSG_CLOEXEC);
    receive(s[1], 256, MSG_CMSG_CLOEXEC);
    SHOW(transfer(s[0], "little room", &mine, ends, 2));
    receive(s[1], 40, 0);
    SHOW(transfer(s[0], "less room", &mine, ends, 2));
    receive(s[1], 20, 0);
    SHOW(transfer(s[0], "no room", &mine, NULL, 0));
    receive(s[1], 0, 0);
    fflush(stdout);
    if (fork() == 0)
        _exit(transfer(s[0], "of a child", NULL, NULL, 0) != 10);
    wait(NULL);
    receive(s[1], 256, 0);
    set(s[1], 0);
    SHOW(transfer(s[0], "off", &mine, ends, 1));
    receive(s[1], 256, 0);
    SHOW(transfer(s[0], "bad", NULL, (int[]){ends[0], -1}, 2));
    int many[100];
    for (int i = 0; i < 100; i++)
        many[i] = ends[0];
    SHOW(transfer(s[0], "many", NULL, many, 100));
    receive(s[1], 256, 0);
    /* a socket in its own inbox, and two in each other's */
    int pairs[2][2];
    char byte;
    MUST(socketpair(AF_UNIX, type, 0, pairs[0])), MUST(socketpair(AF_UNIX, type, 0, pairs[1]));
    SHOW(transfer(s[0], "itself", NULL, (int[]){s[1], ends[1]}, 2));
    SHOW(transfer(pairs[0][0], "x", NULL, (int[]){pairs[1][1], ends[1]}, 2));
    SHOW(transfer(pairs[1][0], "y", NULL, (int[]){pairs[0][1]}, 1));
    close(s[0]), close(s[1]), close(ends[1]);
    for (int i = 0; i < 2; i++)
        close(pairs[i][0]), close(pairs[i][1]);
    MUST(socketpair(AF_UNIX, type, 0, s)), close(s[0]), close(s[1]);
    SHOW(fcntl(ends[0], F_SETFL, O_NONBLOCK));
    for (int i = 0; i < 1000 && read(ends[0], &byte, 1) < 0; i++)
        usleep(1000);
    SHOW(read(ends[0], &byte, 1));
    close(ends[0]);
}

int main(void)
{
    first = getpid();
    puts("-- streams"), pairs(SOCK_STREAM);
    puts("-- sequenced packets"), pairs(SOCK_SEQPACKET);
    puts("-- datagrams"), pairs(SOCK_DGRAM);
    puts("-- a name for credentials");
    struct sockaddr_un name = {AF_UNIX, "\0here"};
    int l = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), c = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), d = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    MUST(bind(l, (void *)&name, 7)), MUST(listen(l, 1));
    set(l, 1), set(c, 1);
    SHOW(connect(c, (void *)&name, 7));
    socklen_t size = sizeof name;
    SHOW(getsockname(c, (void *)&name, &size));
    printf("%d\n", size);
    SHOW(transfer(c, "hello", NULL, NULL, 0));
    int s = accept(l, NULL, NULL), on;
    size = sizeof on;
    SHOW(getsockopt(s, SOL_SOCKET, SO_PASSCRED, &on, &size));
    printf("%d\n", on);
    receive(s, 256, 0);
    return 0;
}
