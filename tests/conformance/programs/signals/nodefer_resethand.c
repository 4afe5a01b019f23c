/* SA_NODEFER nests, without it the signal waits; SA_RESETHAND handles once. */
#include "conform.h"
static int depth, deepest, calls;
static void nest(int s)
{
    calls++;
    if (++depth > deepest) deepest = depth;
    if (calls < 3) raise(s);
    depth--;
}
int main(void)
{
    struct sigaction sa = {.sa_handler = nest}, now;
    sigaction(SIGUSR1, &sa, 0);
    raise(SIGUSR1);
    printf("plain: calls %d deepest %d\n", calls, deepest);
    calls = deepest = 0;
    sa.sa_flags = SA_NODEFER;
    sigaction(SIGUSR1, &sa, 0);
    raise(SIGUSR1);
    printf("nodefer: calls %d deepest %d\n", calls, deepest);
    calls = 3;
    sa.sa_flags = SA_RESETHAND;
    sigaction(SIGUSR1, &sa, 0);
    raise(SIGUSR1);
    sigaction(SIGUSR1, 0, &now);
    printf("resethand: calls %d default %d\n", calls, now.sa_handler == SIG_DFL);
    fflush(stdout);
    raise(SIGUSR1);
    return 1;
}
