/* setitimer, getitimer, alarm: once, periodic, what is left, errors. */
#include "conform.h"
#include <sys/time.h>
static volatile int alarms;
static void on(int s, siginfo_t *si, void *u) { alarms++; if (alarms == 1) printf("signal %d code %d\n", s, si->si_code); }
int main(void)
{
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    struct itimerval it = {{0, 0}, {0, 10000}}, old;
    sigaction(SIGALRM, &sa, 0); sigaction(SIGVTALRM, &sa, 0); sigaction(SIGPROF, &sa, 0);
    SHOW(setitimer(ITIMER_REAL, &it, 0)); pause(); printf("alarms %d\n", alarms);
    it.it_interval.tv_usec = 5000; SHOW(setitimer(ITIMER_REAL, &it, 0)); while (alarms < 5) pause();
    SHOW(getitimer(ITIMER_REAL, &old)); printf("interval %ld left %d\n", (long)old.it_interval.tv_usec, old.it_value.tv_usec > 0 && old.it_value.tv_usec <= 5000);
    memset(&it, 0, sizeof it); SHOW(setitimer(ITIMER_REAL, &it, &old)); printf("was %ld\n", (long)old.it_interval.tv_usec);
    SHOW(getitimer(ITIMER_REAL, &old)); printf("left %ld\n", (long)old.it_value.tv_usec);
    it.it_value.tv_usec = 3000; alarms = 10; SHOW(setitimer(ITIMER_VIRTUAL, &it, 0)); while (alarms < 11); 
    it.it_value.tv_usec = 3000; SHOW(setitimer(ITIMER_PROF, &it, 0)); while (alarms < 12); printf("alarms %d\n", alarms);
    SHOW(alarm(100)); usleep(1000); SHOW(alarm(0)); SHOW(alarm(0));
    SHOW(setitimer(9, &it, 0)); it.it_value.tv_usec = 1000000; SHOW(setitimer(ITIMER_REAL, &it, 0)); SHOW(setitimer(ITIMER_REAL, (void *)8, 0)); SHOW(getitimer(0, (void *)8));
    return 0;
}
