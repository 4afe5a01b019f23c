/* waitid: siginfo of exits, kills, stops; WNOWAIT leaves the zombie; errors. */
#include "conform.h"
#include <sys/wait.h>
static void show(const char *what, int r, siginfo_t *si, pid_t p)
{
    printf("%s: %s signo %d code %d status %d pid %d\n", what, r ? errno_name(errno) : "0", si->si_signo, si->si_code, si->si_status, si->si_pid == p);
}
int main(void)
{
    siginfo_t si = {0}; pid_t p;
    if (!(p = fork())) _exit(7);
    show("nowait", waitid(P_PID, p, &si, WEXITED | WNOWAIT), &si, p);
    show("exited", waitid(P_PID, p, &si, WEXITED), &si, p);
    show("again", waitid(P_PID, p, &si, WEXITED), &si, p);
    if (!(p = fork())) for (;;) pause();
    memset(&si, 0, sizeof si);
    show("nohang", waitid(P_ALL, 0, &si, WEXITED | WNOHANG), &si, p);
    kill(p, SIGSTOP);
    show("stopped", waitid(P_PID, p, &si, WSTOPPED), &si, p);
    kill(p, SIGCONT);
    show("continued", waitid(P_PID, p, &si, WCONTINUED), &si, p);
    kill(p, SIGKILL);
    show("killed", waitid(P_PGID, 0, &si, WEXITED), &si, p);
    SHOW(waitid(P_PID, p, &si, 0));
    SHOW(waitid(P_PID, 0, &si, WEXITED));
    SHOW(waitid(77, 1, &si, WEXITED));
    return 0;
}
