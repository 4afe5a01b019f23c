/* poll: every state of a pipe, bad descriptors, negative ones, timeouts of 0. */
#include "conform.h"
#include <poll.h>

static void look(const char *when, int a, int b)
{
    struct pollfd entries[5] = {
        {a, POLLIN | POLLOUT | POLLPRI, 99}, {b, POLLIN | POLLOUT, 99}, {-1, POLLIN, 99}, {55, POLLIN, 99}, {a, 0, 99},
    };
    int ready = poll(entries, 5, 0);
    printf("%s: %d:", when, ready);
    for (int i = 0; i < 5; i++)
        printf(" %x", entries[i].revents);
    printf("\n");
}

int main(void)
{
    int ends[2];
    static char data[70000];
    MUST(pipe2(ends, O_NONBLOCK));
    look("empty", ends[0], ends[1]);
    write(ends[1], data, 1);
    look("a byte", ends[0], ends[1]);
    write(ends[1], data, sizeof data);
    look("full", ends[0], ends[1]);
    read(ends[0], data, 4096);
    look("a page free", ends[0], ends[1]);
    int reader = dup(ends[0]);
    close(ends[0]);
    look("one reader left", reader, ends[1]);
    close(reader);
    look("no reader", reader, ends[1]);
    MUST(pipe(ends));
    write(ends[1], data, 1);
    close(ends[1]);
    look("data, no writer", ends[0], ends[1]);
    read(ends[0], data, 1);
    look("no writer", ends[0], ends[1]);
    struct pollfd entry = {ends[0], POLLIN | POLLRDNORM | POLLRDBAND | POLLRDHUP, 0};
    SHOW(poll(&entry, 1, -1));
    printf("%x\n", entry.revents);
    SHOW(poll(0, 0, 1));
    SHOW(poll((void *)8, 1, 0));
    SHOW(poll(&entry, 5000, 0));
    SHOW(poll(&entry, -1, 0));
    SHOW(ppoll(&entry, 1, &(struct timespec){0, -1}, 0));
    SHOW(ppoll(&entry, 1, &(struct timespec){-1, 0}, 0));
    SHOW(ppoll(&entry, 1, &(struct timespec){0, 1000000000}, 0));
    SHOW(ppoll(&entry, 1, (void *)8, 0));
    SHOW(syscall(SYS_ppoll, &entry, 1, 0, &entry, 4));
    struct timespec left = {0, 5000};
    SHOW(syscall(SYS_ppoll, 0, 0, &left, 0, 8));
    printf("left %ld.%09ld\n", (long)left.tv_sec, left.tv_nsec);
    return 0;
}
