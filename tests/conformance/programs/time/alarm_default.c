/* alarm without a handler ends the program. */
#include "conform.h"
#include <sys/time.h>
int main(void) { struct itimerval it = {{0, 0}, {0, 5000}}; puts("armed"); fflush(stdout); setitimer(ITIMER_REAL, &it, 0); for (;;) pause(); }
