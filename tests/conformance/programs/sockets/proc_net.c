/* /proc/net: the sockets of a program, with lo's addresses; /proc/net is that of the process. */
#include "conform.h"
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Columns `from` to `to` of the line whose local port is `port`. */
static void show(const char *path, int port, int from, int to)
{
    char line[512], needle[16];
    snprintf(needle, sizeof needle, ":%04X ", port);
    FILE *f = fopen(path, "r");
    for (int i = 0; fgets(line, sizeof line, f); i++) {
        char *at = i ? strstr(line, needle) : NULL;
        if (!i)
            printf("%s: %s", path, line);
        if (!at || at - line > 45)
            continue;
        printf("line of %zu:", strlen(line) < 170 ? strlen(line) : 0);
        int column = 0;
        for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"), column++) {
            char *colon = strchr(word, ':');
            if (column >= from && column < to && strlen(word) < 38)
                printf(" %.*s", column == 1 ? (int)(colon - word) : 40, word);
        }
        printf("\n");
    }
    fclose(f);
}

int main(void)
{
    char link[32] = "";
    MUST(readlink("/proc/net", link, sizeof link));
    printf("%s %d\n", link, access("/proc/self/task/self/net/tcp", F_OK));
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
    MUST(bind(listener, (void *)&a, size)), MUST(listen(listener, 5));
    getsockname(listener, (void *)&a, &size);
    show("/proc/net/tcp", ntohs(a.sin_port), 1, 9);
    a.sin_port = 0;
    MUST(bind(udp, (void *)&a, size));
    getsockname(udp, (void *)&a, &size);
    MUST(sendto(udp, "hello", 5, 0, (void *)&a, size));
    show("/proc/self/net/udp", ntohs(a.sin_port), 1, 4);
    struct sockaddr_in6 b = {AF_INET6, 0, 0, IN6ADDR_LOOPBACK_INIT};
    size = sizeof b;
    int six = socket(AF_INET6, SOCK_STREAM, 0);
    MUST(bind(six, (void *)&b, size)), MUST(listen(six, 5));
    getsockname(six, (void *)&b, &size);
    show("/proc/net/tcp6", ntohs(b.sin6_port), 1, 9);
    struct sockaddr_un u = {AF_UNIX, "\0pffemu-proc-net"};
    int un = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(bind(un, (void *)&u, 2 + 16)), MUST(listen(un, 5));
    char line[256];
    FILE *f = fopen("/proc/net/unix", "r");
    for (int i = 0; fgets(line, sizeof line, f); i++)
        if (!i)
            printf("%s", line);
        else if (strstr(line, "@pffemu-proc-net"))
            printf("%.35s ... %s", line + 17, strchr(line, '@'));
    fclose(f);
    f = fopen("/proc/net/if_inet6", "r");
    while (fgets(line, sizeof line, f))
        if (strstr(line, " lo\n"))
            printf("%s", line);
    return 0;
}
