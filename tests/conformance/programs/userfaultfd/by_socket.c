/* A userfaultfd that is sent to another process, which answers the sender's faults. needs: userfaultfd */
#include "uffd.h"
#include <sys/socket.h>
#include <sys/wait.h>

static void send_descriptor(int to, int fd)
{
    char byte = 1, control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    MUST(sendmsg(to, &header, 0));
}

static int receive_descriptor(int from)
{
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {&byte, 1};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int fd;
    MUST(recvmsg(from, &header, 0));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof fd);
    return fd;
}

int main(void)
{
    int ends[2], status;
    setbuf(stdout, NULL);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    int pager = fork();
    if (pager == 0) {
        static char page[PAGE] __attribute__((aligned(4096)));
        uffd = receive_descriptor(ends[1]);
        for (int i = 0; i < 3; i++) {
            struct uffd_msg message = show_message(uffd);
            memset(page, 'a' + i, PAGE);
            struct uffdio_copy copy = {PAGE_OF(message.arg.pagefault.address), (unsigned long)page, PAGE, 0, 0};
            MUST(ioctl(uffd, UFFDIO_COPY, &copy));
        }
        struct uffd_msg message;
        struct pollfd waiting = {ends[1], POLLIN, 0};
        read(ends[1], page, 1); /* the sender is gone */
        usleep(50000);
        ZEROPAGE(AT(5), PAGE, 0);
        WAKE(AT(5), PAGE);
        UNREGISTER(AT(5), PAGE);
        REGISTER(AT(5), PAGE, MISSING);
        _exit(0);
    }
    int child = fork();
    if (child == 0) {
        uffd = open_uffd(O_NONBLOCK, 0);
        map_at(0, 8, RW);
        REGISTER(AT(0), 8 * PAGE, MISSING);
        send_descriptor(ends[0], uffd);
        close(uffd);
        printf("%c\n", *AT(0));
        printf("%c\n", *AT(1));
        *AT(2) = 'X';
        printf("%c%c\n", AT(2)[0], AT(2)[1]);
        write(ends[0], "x", 1);
        _exit(3);
    }
    waitpid(child, &status, 0);
    waitpid(pager, &status, 0);
    return 0;
}
