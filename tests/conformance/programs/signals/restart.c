/* A read that a signal interrupts: EINTR without SA_RESTART, the data with it. The child sends and writes in turn. */
#include "conform.h"
#include <sys/wait.h>
static volatile int calls;
static int fds[2];
static void on(int s) { calls++; }
static void once(int flags)
{
    struct sigaction sa = {.sa_handler = on, .sa_flags = flags};
    sigaction(SIGUSR1, &sa, 0);
    pipe(fds);
    calls = 0;
    fflush(stdout);
    pid_t parent = getpid(), child = fork();
    if (!child) {
        usleep(30000); kill(parent, SIGUSR1); usleep(30000);
        write(fds[1], "x", 1); _exit(0);
    }
    char c = 0;
    SHOW(read(fds[0], &c, 1));
    printf("calls %d c %d\n", calls, c);
    while (waitpid(child, 0, 0) < 0);
    close(fds[0]); close(fds[1]);
}
int main(void) { once(0); once(SA_RESTART); return 0; }
