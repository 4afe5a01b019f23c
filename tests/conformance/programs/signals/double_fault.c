/* A fault inside the handler of the same fault is death. */
#include "conform.h"
static void on(int s) { write(1, "handler\n", 8); *(volatile int *)16 = 1; write(1, "never\n", 6); }
int main(void) { signal(SIGSEGV, on); *(volatile int *)8 = 1; return 0; }
