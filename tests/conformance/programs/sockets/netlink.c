/* NETLINK_ROUTE as getifaddrs and if_nametoindex use it: lo, its addresses, errors; mq_notify with a thread. */
#include "conform.h"
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <arpa/inet.h>
#include <mqueue.h>
#include <net/if.h>
#include <semaphore.h>
#include <sys/socket.h>

static char answer[65536];

static int ask(int fd, int type, int flags, int index, int family)
{
    struct { struct nlmsghdr head; struct ifinfomsg info; } request = {{sizeof request, type, flags, 7, 0}, {family, 0, 0, index}};
    return send(fd, &request, sizeof request, 0);
}

/* What an answer says of lo. */
static void show(int fd)
{
    int size = MUST(recv(fd, answer, sizeof answer, MSG_DONTWAIT));
    for (struct nlmsghdr *m = (void *)answer; NLMSG_OK(m, size); m = NLMSG_NEXT(m, size)) {
        if (m->nlmsg_type == NLMSG_ERROR) {
            struct nlmsgerr *e = NLMSG_DATA(m);
            printf("error %d of type %d, seq %u, flags %x, length %u\n", e->error, e->msg.nlmsg_type, m->nlmsg_seq, m->nlmsg_flags, m->nlmsg_len);
            continue;
        }
        struct ifinfomsg *info = NLMSG_DATA(m);
        if (m->nlmsg_type != RTM_NEWLINK || info->ifi_index != 1)
            continue;
        printf("link type %d flags %x change %x seq %u to me %d:", info->ifi_type, info->ifi_flags, info->ifi_change, m->nlmsg_seq, m->nlmsg_pid == getpid());
        int left = IFLA_PAYLOAD(m);
        unsigned have = 0;
        for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
            if (a->rta_type == IFLA_IFNAME || a->rta_type == IFLA_QDISC)
                printf(" %s", (char *)RTA_DATA(a));
            if (a->rta_type == IFLA_MTU || a->rta_type == IFLA_TXQLEN)
                printf(" %u", *(unsigned *)RTA_DATA(a));
            if (a->rta_type == IFLA_ADDRESS)
                printf(" %zu bytes", RTA_PAYLOAD(a));
        }
        printf("\n");
    }
}

static sem_t told;

static void notified(union sigval value)
{
    printf("thread told %d\n", value.sival_int);
    sem_post(&told);
}

int main(void)
{
    SHOW(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));
    SHOW(socket(AF_NETLINK, SOCK_RAW, 32));
    int fd = MUST(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    struct sockaddr_nl own = {AF_NETLINK}, wrong = {AF_NETLINK, 0, 12345678};
    SHOW(bind(fd, (void *)&own, 8));
    SHOW(bind(fd, (void *)&own, sizeof own));
    socklen_t size = sizeof own;
    MUST(getsockname(fd, (void *)&own, &size));
    printf("family %d port is the pid %d size %u\n", own.nl_family, own.nl_pid == getpid(), size);
    SHOW(recv(fd, answer, 100, MSG_DONTWAIT));
    SHOW(sendto(fd, answer, 20, 0, (void *)&wrong, sizeof wrong));
    SHOW(ask(fd, RTM_GETLINK, NLM_F_REQUEST, 1, AF_UNSPEC));
    show(fd);
    SHOW(ask(fd, RTM_GETLINK, NLM_F_REQUEST, 99999, AF_UNSPEC));
    show(fd);
    SHOW(ask(fd, RTM_GETLINK, NLM_F_REQUEST, 0, AF_UNSPEC));
    show(fd);
    SHOW(ask(fd, NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK, 0, AF_UNSPEC));
    show(fd);
    SHOW(recv(fd, answer, 100, MSG_DONTWAIT));
    int second = MUST(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE));
    SHOW(bind(second, (void *)&own, sizeof own));
    own.nl_pid = 0;
    SHOW(bind(second, (void *)&own, sizeof own));
    MUST(getsockname(second, (void *)&own, &size));
    printf("another port %d\n", own.nl_pid != getpid() && own.nl_pid);
    struct ifaddrs *list;
    MUST(getifaddrs(&list));
    for (struct ifaddrs *one = list; one; one = one->ifa_next) {
        char text[64] = "", mask[64] = "";
        if (strcmp(one->ifa_name, "lo"))
            continue;
        int family = one->ifa_addr->sa_family;
        if (family != AF_PACKET) {
            inet_ntop(family, family == AF_INET ? (void *)&((struct sockaddr_in *)one->ifa_addr)->sin_addr : (void *)&((struct sockaddr_in6 *)one->ifa_addr)->sin6_addr, text, 64);
            inet_ntop(family, family == AF_INET ? (void *)&((struct sockaddr_in *)one->ifa_netmask)->sin_addr : (void *)&((struct sockaddr_in6 *)one->ifa_netmask)->sin6_addr, mask, 64);
        }
        printf("%s family %d flags %x %s %s data %d\n", one->ifa_name, family, one->ifa_flags, text, mask, one->ifa_data != NULL);
    }
    SHOW(if_nametoindex("lo"));
    struct mq_attr attr = {0, 2, 16};
    sem_init(&told, 0, 0);
    mqd_t queue = MUST(mq_open("/pffemu-netlink", O_RDWR | O_CREAT, 0600, &attr));
    mq_unlink("/pffemu-netlink");
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notified, .sigev_value = {42}};
    SHOW(mq_notify(queue, &event));
    SHOW(mq_notify(queue, &event));
    MUST(mq_send(queue, "x", 1, 0));
    sem_wait(&told);
    SHOW(mq_notify(queue, &event));
    SHOW(mq_notify(queue, NULL));
    return 0;
}
