/* abort: SIGABRT, also when it is blocked and ignored. */
#include "conform.h"
int main(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, 0);
    signal(SIGABRT, SIG_IGN);
    puts("aborting"); fflush(stdout);
    abort();
}
