/* AF_UNIX sockets with names: paths and abstract ones, connections and datagrams, the backlog, who is at the other end. */
#include "conform.h"
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct sockaddr_un name;
static socklen_t size;
static char buffer[300000];

/* '@' stands for the NUL of an abstract name. */
static void set(const char *path)
{
    memset(&name, 0, sizeof name);
    name.sun_family = AF_UNIX;
    strcpy(name.sun_path, path);
    size = offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] != '@');
    if (path[0] == '@')
        name.sun_path[0] = 0;
}

static int bind_to(int fd, const char *path) { set(path); return bind(fd, (void *)&name, size); }
static int connect_to(int fd, const char *path) { set(path); return connect(fd, (void *)&name, size); }
static int unix_socket(int type) { return MUST(socket(AF_UNIX, type, 0)); }

static void show_name(const char *what)
{
    printf("  %s: %d \"%s%.*s\"\n", what, size, size > 2 && !name.sun_path[0] ? "@" : "", size > 2 ? (int)size - 2 - !name.sun_path[0] : 0,
           name.sun_path + (size > 2 && !name.sun_path[0]));
}

static void own(const char *what, int fd)
{
    size = sizeof name;
    if (getsockname(fd, (void *)&name, &size))
        printf("  %s: %s\n", what, errno_name(errno));
    else
        show_name(what);
}

static void peer(const char *what, int fd)
{
    size = sizeof name;
    if (getpeername(fd, (void *)&name, &size))
        printf("  %s: %s\n", what, errno_name(errno));
    else
        show_name(what);
}

static void credentials(const char *what, int fd)
{
    struct ucred cred;
    socklen_t n = sizeof cred;
    int result = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n);
    printf("  %s: %d, %s %d %d\n", what, result, cred.pid == getpid() ? "this process" : cred.pid ? "another" : "none", cred.uid, cred.gid);
}

static void look(const char *when, int fd)
{
    struct pollfd entry = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
    poll(&entry, 1, 0);
    printf("  poll %s: %x\n", when, entry.revents);
}

static void connections(int type)
{
    int l = unix_socket(type), c = unix_socket(type), s, d;
    look("fresh", c);
    SHOW(recv(c, buffer, 1, MSG_DONTWAIT));
    SHOW(send(c, "x", 1, MSG_NOSIGNAL));
    SHOW(listen(l, 1));
    SHOW(bind_to(l, "name"));
    SHOW(connect_to(c, "name"));
    SHOW(listen(l, 1));
    look("listening", l);
    own("listening", l), own("client", c), peer("client", c), credentials("client", c);
    SHOW(bind_to(l, "other"));
    SHOW(accept4(l, NULL, NULL, 0x1000));
    SHOW(connect_to(c, "name"));
    look("waiting", l), look("connected", c);
    SHOW(connect_to(c, "name"));
    peer("client", c);
    size = sizeof name;
    SHOW(send(c, "early", 5, 0));
    s = accept(l, (void *)&name, &size);
    show_name("accepted"), own("server", s), peer("server", s), credentials("server", s), credentials("client", c), credentials("listening", l);
    SHOW(recv(s, buffer, 10, 0));
    SHOW(sendto(c, "x", 1, 0, (void *)&name, size));
    size = sizeof name;
    SHOW(recvfrom(s, buffer, 1, MSG_DONTWAIT, (void *)&name, &size));
    close(c), c = unix_socket(type);
    SHOW(bind_to(c, "@client"));
    SHOW(connect_to(c, "name"));
    close(s);
    size = sizeof name;
    s = accept(l, (void *)&name, &size);
    show_name("accepted"), peer("server", s);
    SHOW(send(c, "named", 5, 0));
    size = sizeof name;
    SHOW(recvfrom(s, buffer, 10, 0, (void *)&name, &size));
    show_name("received from");
    SHOW(shutdown(c, SHUT_WR));
    look("has ended", c), look("peer has ended", s);
    close(c);
    look("peer gone", s), peer("server", s);
    SHOW(recv(s, buffer, 10, 0));
    close(s);
    puts("-- the backlog");
    int many[4];
    for (int i = 0; i < 4; i++) {
        many[i] = unix_socket(type | SOCK_NONBLOCK);
        SHOW(connect_to(many[i], "name"));
    }
    struct timeval limit = {0, 2000};
    fcntl(many[3], F_SETFL, 0), setsockopt(many[3], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    SHOW(connect_to(many[3], "name"));
    fflush(stdout);
    if (fork() == 0) {
        usleep(1000);
        close(accept(l, NULL, NULL));
        _exit(0);
    }
    limit.tv_sec = 5, setsockopt(many[3], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    SHOW(connect_to(many[3], "name"));
    wait(NULL);
    SHOW(recv(many[0], buffer, 1, 0));
    close(l);
    look("listener gone", many[1]);
    SHOW(recv(many[1], buffer, 1, 0));
    SHOW(recv(many[1], buffer, 1, 0));
    SHOW(send(many[1], "x", 1, MSG_NOSIGNAL));
    for (int i = 0; i < 4; i++)
        close(many[i]);
    c = unix_socket(type);
    SHOW(connect_to(c, "name"));
    SHOW(bind_to(c, "name"));
    SHOW(unlink("name"));
    SHOW(connect_to(c, "name"));
    l = unix_socket(type);
    SHOW(bind_to(l, "@abstract")), SHOW(listen(l, 1));
    d = unix_socket(type);
    SHOW(bind_to(d, "@abstract"));
    SHOW(connect_to(c, "@abstract"));
    close(l);
    SHOW(bind_to(d, "@abstract"));
    own("abstract", d);
    close(c), c = unix_socket(type == SOCK_STREAM ? SOCK_DGRAM : SOCK_STREAM);
    SHOW(connect_to(c, "@abstract"));
    SHOW(connect_to(d, "@nothing"));
    l = unix_socket(type), bind_to(l, "@shut"), listen(l, 5);
    close(c), c = unix_socket(type);
    SHOW(connect_to(c, "@shut"));
    SHOW(shutdown(l, SHUT_RD));
    close(d), d = unix_socket(type);
    SHOW(connect_to(d, "@shut"));
    SHOW(accept(l, NULL, NULL) >= 0);
    SHOW(accept(l, NULL, NULL));
    close(c), close(d), close(l);
}

static void datagrams(void)
{
    int a = unix_socket(SOCK_DGRAM), b = unix_socket(SOCK_DGRAM), c = unix_socket(SOCK_DGRAM), n = 0;
    SHOW(send(a, "x", 1, 0));
    SHOW(recv(a, buffer, 1, MSG_DONTWAIT));
    SHOW(bind_to(b, "@b"));
    SHOW(sendto(a, "from nobody", 11, 0, (void *)&name, size));
    socklen_t b_size = size;
    struct sockaddr_un b_name = name;
    size = sizeof name;
    SHOW(recvfrom(b, buffer, 100, 0, (void *)&name, &size));
    printf("%d\n", size);
    SHOW(bind_to(a, "a"));
    SHOW(sendto(a, "from a", 6, 0, (void *)&b_name, b_size));
    size = sizeof name;
    SHOW(recvfrom(b, buffer, 3, MSG_TRUNC, (void *)&name, &size));
    show_name("from");
    SHOW(connect_to(a, "@b"));
    SHOW(send(a, "connected", 9, 0));
    peer("a", a), peer("b", b);
    set("a");
    SHOW(sendto(b, "back", 4, 0, (void *)&name, size));
    SHOW(recv(a, buffer, 10, 0));
    SHOW(connect_to(c, "a"));
    SHOW(sendto(c, "x", 1, 0, (void *)&name, size));
    SHOW(connect_to(b, "a"));
    SHOW(recv(b, buffer, 10, MSG_DONTWAIT));
    struct sockaddr none = {AF_UNSPEC};
    SHOW(connect(a, &none, sizeof none));
    look("b", b);
    SHOW(send(a, "x", 1, 0));
    SHOW(connect_to(c, "a"));
    SHOW(send(c, "one", 3, 0));
    SHOW(connect_to(a, "@b"));
    look("a", a);
    SHOW(recv(a, buffer, 10, MSG_DONTWAIT));
    connect(a, &none, sizeof none);
    fcntl(c, F_SETFL, O_NONBLOCK);
    while (send(c, "x", 1, 0) == 1)
        n++;
    printf("%d queued, then %s\n", n, errno_name(errno));
    look("c", c), look("a", a);
    SHOW(recv(a, buffer, 1, 0));
    look("c", c);
    SHOW(send(c, "x", 1, 0));
    SHOW(send(c, buffer, sizeof buffer, 0));
    SHOW(listen(c, 1));
    SHOW(accept(c, NULL, NULL));
    SHOW(shutdown(a, SHUT_RD));
    SHOW(send(c, "x", 1, MSG_NOSIGNAL));
    close(a);
    look("a gone", c);
    SHOW(send(c, "x", 1, 0));
    SHOW(send(c, "x", 1, 0));
    set("a");
    SHOW(sendto(c, "x", 1, 0, (void *)&name, size));
    unlink("a");
    SHOW(sendto(c, "x", 1, 0, (void *)&name, size));
    SHOW(sendto(c, "x", 1, MSG_OOB, (void *)&name, size));
    close(b), close(c);
}

int main(void)
{
    int s, d, on = 1;
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    puts("-- names");
    s = unix_socket(SOCK_STREAM);
    own("none", s), peer("none", s), credentials("none", s);
    SHOW(bind(s, (void *)&name, 1));
    name.sun_family = AF_INET;
    SHOW(bind(s, (void *)&name, 10));
    SHOW(bind_to(s, "missing/name"));
    SHOW(mkdir("directory", 0777));
    SHOW(bind_to(s, "directory"));
    SHOW(bind_to(s, "directory/"));
    memset(name.sun_path, 'x', sizeof name.sun_path);
    SHOW(bind(s, (void *)&name, sizeof name + 1));
    SHOW(bind(s, (void *)&name, sizeof name));
    size = sizeof name;
    SHOW(getsockname(s, (void *)&name, &size));
    printf("%d\n", size);
    memset(name.sun_path, 'x', sizeof name.sun_path);
    char longest[200] = {0};
    memcpy(longest, name.sun_path, sizeof name.sun_path);
    SHOW(unlink(longest));
    SHOW(socket(AF_UNIX, SOCK_STREAM, 7));
    SHOW(socket(AF_UNIX, SOCK_RDM, 0));
    umask(027);
    d = unix_socket(SOCK_STREAM);
    SHOW(bind_to(d, "directory/name"));
    umask(0);
    struct stat status;
    SHOW(stat("directory/name", &status));
    printf("%o %ld\n", status.st_mode, (long)status.st_size);
    SHOW(fstat(d, &status));
    printf("%o\n", status.st_mode);
    SHOW(open("directory/name", O_RDWR));
    SHOW(symlink("name", "directory/link"));
    SHOW(listen(d, 5));
    close(s), s = unix_socket(SOCK_STREAM);
    SHOW(connect_to(s, "directory/link"));
    close(s), s = unix_socket(SOCK_STREAM);
    SHOW(rename("directory/name", "moved"));
    SHOW(connect_to(s, "moved"));
    own("moved", d);
    close(s), s = unix_socket(SOCK_STREAM);
    SHOW(bind_to(s, "directory/link"));
    SHOW(close(open("file", O_CREAT | O_RDWR, 0666)));
    SHOW(connect_to(s, "file"));
    SHOW(connect_to(s, "directory"));
    SHOW(connect_to(s, "missing"));
    unlink("moved"), unlink("directory/link"), unlink("file"), rmdir("directory");
    close(s), close(d);
    s = unix_socket(SOCK_DGRAM);
    name.sun_family = AF_UNIX;
    SHOW(bind(s, (void *)&name, 2));
    size = sizeof name;
    getsockname(s, (void *)&name, &size);
    printf("%d %d\n", size, name.sun_path[0]);
    close(s);
    puts("-- streams");
    connections(SOCK_STREAM);
    puts("-- sequenced packets");
    connections(SOCK_SEQPACKET);
    puts("-- datagrams");
    datagrams();
    return 0;
}
