/* Death by SIGTERM: nothing after it happens. */
#include "conform.h"
int main(void) { puts("before"); fflush(stdout); kill(getpid(), SIGTERM); puts("after"); return 0; }
