/* Sending no bytes over TCP: an error wherever one byte would be. */
#include "conform.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void try(const char *when, int fd)
{
    printf("%s: ", when);
    fflush(stdout);
    SHOW(send(fd, "", 0, MSG_NOSIGNAL));
    printf("  and one: ");
    fflush(stdout);
    SHOW(send(fd, "x", 1, MSG_NOSIGNAL));
}

int main(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    char byte[8];
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    try("new", client);
    MUST(bind(listener, (struct sockaddr *)&name, sizeof name));
    try("bound", listener);
    MUST(listen(listener, 1));
    try("listening", listener);
    MUST(getsockname(listener, (struct sockaddr *)&name, &length));
    MUST(connect(client, (struct sockaddr *)&name, sizeof name));
    int server = accept(listener, NULL, NULL);
    try("connected", client);
    SHOW(recv(server, byte, sizeof byte, 0));
    MUST(shutdown(server, SHUT_WR));
    try("the peer sends no more", client);
    try("shut down", server);
    MUST(shutdown(client, SHUT_RD));
    try("reads no more", client);
    MUST(shutdown(client, SHUT_WR));
    try("shut down, both", client);
    close(server);
    try("the peer has closed", client);
    return 0;
}
