/* sigtimedwait and sigwaitinfo: pending ones at once, values of sigqueue, EAGAIN, EINTR by others. */
#include "conform.h"
#include <time.h>
static void on(int s) {}
int main(void)
{
    sigset_t set;
    siginfo_t si;
    struct timespec zero = {0, 0}, some = {0, 20000000}, bad = {0, -1};
    sigemptyset(&set); sigaddset(&set, SIGUSR1); sigaddset(&set, SIGRTMIN); sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, 0);
    SHOW(sigtimedwait(&set, &si, &zero));
    SHOW(sigtimedwait(&set, &si, &some));
    SHOW(sigtimedwait(&set, &si, &bad));
    union sigval v = {.sival_int = 41};
    SHOW(sigqueue(getpid(), SIGRTMIN + 1, v));
    v.sival_int = 42; SHOW(sigqueue(getpid(), SIGRTMIN, v));
    v.sival_int = 43; SHOW(sigqueue(getpid(), SIGRTMIN, v));
    raise(SIGUSR1);
    for (int i = 0; i < 4; i++) {
        int s = sigwaitinfo(&set, &si);
        printf("signal %d code %d value %d pid %d\n", s == SIGUSR1 ? s : s - SIGRTMIN + 34, si.si_code,
               s == SIGUSR1 ? 0 : si.si_value.sival_int, si.si_pid == getpid());
    }
    SHOW(sigtimedwait(&set, 0, &zero));
    SHOW(sigqueue(getpid(), 65, v));
    SHOW(sigqueue(0x7ffff0, SIGUSR1, v));
    return 0;
}
