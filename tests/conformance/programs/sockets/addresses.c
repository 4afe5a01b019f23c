/* Which address and port a socket may have, and which one a connection reaches: wildcards, IPv6, reuse, TIME_WAIT. */
#include "conform.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static struct sockaddr_storage name;
static socklen_t size;

/* Fill `name`; "" is the unspecified address. */
static void set(int family, const char *ip, int port)
{
    memset(&name, 0, sizeof name);
    if (family == AF_INET) {
        struct sockaddr_in *in = (void *)&name;
        *in = (struct sockaddr_in){AF_INET, htons(port)};
        inet_pton(AF_INET, ip, &in->sin_addr);
        size = sizeof *in;
    } else {
        struct sockaddr_in6 *in = (void *)&name;
        *in = (struct sockaddr_in6){AF_INET6, htons(port)};
        inet_pton(AF_INET6, ip, &in->sin6_addr);
        size = sizeof *in;
    }
}

static void show(const char *what, int port)
{
    char text[64];
    struct sockaddr_in *in = (void *)&name;
    struct sockaddr_in6 *in6 = (void *)&name;
    inet_ntop(name.ss_family, name.ss_family == AF_INET ? (void *)&in->sin_addr : (void *)&in6->sin6_addr, text, sizeof text);
    printf("  %s %s, %s port, size %d\n", what, text, in->sin_port == htons(port) ? "the" : in->sin_port ? "a" : "no", size);
}

static int port_of(int fd)
{
    size = sizeof name;
    MUST(getsockname(fd, (void *)&name, &size));
    return ntohs(((struct sockaddr_in *)&name)->sin_port);
}

static int bound(int family, int type, const char *ip, int port, int option)
{
    int fd = socket(family, type, 0), on = 1;
    if (option)
        setsockopt(fd, option == IPV6_V6ONLY ? IPPROTO_IPV6 : SOL_SOCKET, option, &on, sizeof on);
    set(family, ip, port);
    int result = bind(fd, (void *)&name, size);
    if (result < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* Whether a second socket may be bound beside the first, and listen beside it. */
static void beside(int type, int f1, const char *ip1, int o1, int f2, const char *ip2, int o2)
{
    int a = bound(f1, type, ip1, 0, o1), port = port_of(a);
    int b = bound(f2, type, ip2, port, o2);
    printf("%s %s(%d) and %s(%d): %s", type == SOCK_STREAM ? "tcp" : "udp", ip1, o1, ip2, o2, b < 0 ? errno_name(errno) : "ok");
    if (b >= 0 && type == SOCK_STREAM)
        printf(", listen %s", listen(a, 1) ? errno_name(errno) : "ok"), printf(" %s", listen(b, 1) ? errno_name(errno) : "ok");
    printf("\n");
    close(a);
    if (b >= 0)
        close(b);
}

/* Connect to `ip`, and see who is called from where. */
static void reach(int listener, int family, const char *ip)
{
    int port = port_of(listener), c = socket(family, SOCK_STREAM, 0), s;
    set(family, ip, port);
    printf("to %s: %s\n", ip, connect(c, (void *)&name, size) ? errno_name(errno) : "ok");
    size = sizeof name;
    if (getpeername(c, (void *)&name, &size) == 0) {
        show("peer", port);
        size = sizeof name, getsockname(c, (void *)&name, &size);
        show("own", port);
        size = sizeof name, s = accept(listener, (void *)&name, &size);
        show("accepted from", port);
        size = sizeof name, getsockname(s, (void *)&name, &size);
        show("accepted at", port);
        close(s);
    }
    close(c);
}

int main(void)
{
    const char *any = "0.0.0.0", *lo = "127.0.0.1", *any6 = "::", *lo6 = "::1", *mapped = "::ffff:127.0.0.1";
    int types[] = {SOCK_STREAM, SOCK_DGRAM}, l, c, s, on = 1;
    puts("-- two sockets, one port");
    for (int i = 0; i < 2; i++) {
        int t = types[i], r = SO_REUSEADDR, p = SO_REUSEPORT;
        beside(t, AF_INET, lo, 0, AF_INET, lo, 0);
        beside(t, AF_INET, lo, r, AF_INET, lo, 0);
        beside(t, AF_INET, lo, r, AF_INET, lo, r);
        beside(t, AF_INET, lo, p, AF_INET, lo, p);
        beside(t, AF_INET, lo, p, AF_INET, lo, r);
        beside(t, AF_INET, lo, 0, AF_INET, "127.0.0.2", 0);
        beside(t, AF_INET, any, 0, AF_INET, lo, 0);
        beside(t, AF_INET, any, r, AF_INET, lo, r);
        beside(t, AF_INET, any, 0, AF_INET6, any6, 0);
        beside(t, AF_INET, any, 0, AF_INET6, any6, IPV6_V6ONLY);
        beside(t, AF_INET, lo, 0, AF_INET6, lo6, 0);
        beside(t, AF_INET, lo, 0, AF_INET6, any6, 0);
        beside(t, AF_INET6, any6, IPV6_V6ONLY, AF_INET, any, 0);
        beside(t, AF_INET6, any6, 0, AF_INET, any, 0);
        beside(t, AF_INET6, any6, r, AF_INET, any, r);
        beside(t, AF_INET6, mapped, 0, AF_INET, lo, 0);
        beside(t, AF_INET6, mapped, 0, AF_INET, "127.0.0.2", 0);
        beside(t, AF_INET6, any6, 0, AF_INET6, lo6, 0);
    }
    puts("-- addresses");
    SHOW(bound(AF_INET, SOCK_STREAM, "8.8.8.8", 0, 0));
    SHOW(bound(AF_INET, SOCK_STREAM, "224.0.0.1", 0, 0) >= 0);
    SHOW(bound(AF_INET, SOCK_STREAM, "127.255.255.255", 0, 0) >= 0);
    SHOW(bound(AF_INET6, SOCK_STREAM, "2001:db8::1", 0, 0));
    SHOW(bound(AF_INET6, SOCK_STREAM, "::ffff:8.8.8.8", 0, 0));
    SHOW(bound(AF_INET6, SOCK_STREAM, mapped, 0, IPV6_V6ONLY));
    c = bound(AF_INET6, SOCK_STREAM, lo6, 0, 0);
    SHOW(setsockopt(c, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on));
    set(AF_INET6, lo6, 0);
    SHOW(bind(c, (void *)&name, 16));
    close(c), c = socket(AF_INET6, SOCK_STREAM, 0);
    SHOW(bind(c, (void *)&name, 24));
    close(c), c = socket(AF_INET6, SOCK_STREAM, 0);
    set(AF_INET, lo, 0);
    SHOW(bind(c, (void *)&name, 28));
    SHOW(connect(c, (void *)&name, 28));
    size = sizeof name, getsockname(c, (void *)&name, &size), show("fresh", 0);
    close(c);

    puts("-- who is reached");
    l = bound(AF_INET, SOCK_STREAM, any, 0, 0), MUST(listen(l, 5));
    reach(l, AF_INET, lo), reach(l, AF_INET, "127.0.0.2"), reach(l, AF_INET, any);
    reach(l, AF_INET6, mapped), reach(l, AF_INET6, lo6), reach(l, AF_INET6, "::ffff:0.0.0.0");
    close(l);
    l = bound(AF_INET, SOCK_STREAM, "127.0.0.2", 0, 0), MUST(listen(l, 5));
    reach(l, AF_INET, lo), reach(l, AF_INET, "127.0.0.2");
    close(l);
    l = bound(AF_INET6, SOCK_STREAM, any6, 0, 0), MUST(listen(l, 5));
    reach(l, AF_INET, lo), reach(l, AF_INET6, lo6), reach(l, AF_INET6, mapped), reach(l, AF_INET6, any6);
    close(l);
    l = bound(AF_INET6, SOCK_STREAM, any6, 0, IPV6_V6ONLY), MUST(listen(l, 5));
    reach(l, AF_INET, lo), reach(l, AF_INET6, mapped), reach(l, AF_INET6, lo6);
    close(l);
    l = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(listen(l, 5));
    size = sizeof name, getsockname(l, (void *)&name, &size), show("listening without a name", 0);
    reach(l, AF_INET, lo);
    int port = port_of(l), exact = bound(AF_INET, SOCK_STREAM, lo, port, 0);
    printf("%d\n", exact);
    close(l);
    c = bound(AF_INET, SOCK_STREAM, "127.0.0.9", 0, 0), l = bound(AF_INET, SOCK_STREAM, lo, 0, 0), MUST(listen(l, 5));
    port_of(l);
    SHOW(connect(c, (void *)&name, size));
    size = sizeof name, s = accept(l, (void *)&name, &size), show("from", 0);
    close(c), close(s);

    puts("-- after a connection");
    port = port_of(l);
    c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(connect(c, (void *)&name, size));
    s = accept(l, NULL, NULL);
    close(l);
    SHOW(bound(AF_INET, SOCK_STREAM, lo, port, 0));
    SHOW(l = bound(AF_INET, SOCK_STREAM, lo, port, SO_REUSEADDR));
    close(s);
    SHOW(read(c, &on, 1));
    close(c);
    SHOW(bound(AF_INET, SOCK_STREAM, lo, port, 0));
    l = socket(AF_INET, SOCK_STREAM, 0), on = 1, setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    set(AF_INET, lo, 0), MUST(bind(l, (void *)&name, size)), MUST(listen(l, 1)), port = port_of(l);
    c = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(c, (void *)&name, size));
    s = accept(l, NULL, NULL);
    close(l), close(s);
    SHOW(read(c, &on, 1));
    close(c);
    SHOW(bound(AF_INET, SOCK_STREAM, lo, port, 0));
    SHOW(bound(AF_INET, SOCK_STREAM, lo, port, SO_REUSEADDR) >= 0);

    puts("-- lo");
    struct ifreq request = {"lo"};
    SHOW(ioctl(l = socket(AF_INET, SOCK_DGRAM, 0), SIOCGIFADDR, &request));
    memcpy(&name, &request.ifr_addr, 16), size = 16, show("address", 0);
    SHOW(ioctl(l, SIOCGIFFLAGS, &request));
    printf("%x\n", request.ifr_flags & 0xff);
    SHOW(ioctl(l, SIOCGIFMTU, &request));
    printf("%d\n", request.ifr_mtu);
    SHOW(ioctl(l, SIOCGIFINDEX, &request));
    printf("%d\n", request.ifr_ifindex);
    memset(&request, 0, sizeof request), request.ifr_ifindex = 1;
    SHOW(ioctl(l, SIOCGIFNAME, &request));
    puts(request.ifr_name);
    SHOW(ioctl(l, SIOCGIFHWADDR, &request));
    printf("%d\n", request.ifr_hwaddr.sa_family);
    SHOW(ioctl(l, SIOCGIFNETMASK, &request));
    memcpy(&name, &request.ifr_addr, 16), size = 16, show("mask", 0);
    strcpy(request.ifr_name, "none0");
    SHOW(ioctl(l, SIOCGIFADDR, &request));
    SHOW(ioctl(l, 0x1234, 0));
    struct ifconf list = {4096};
    struct ifreq found[100];
    list.ifc_req = found;
    SHOW(ioctl(l, SIOCGIFCONF, &list));
    puts(found[0].ifr_name);
    return 0;
}
