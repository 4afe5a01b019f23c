/* exit's status is its low 8 bits; atexit runs, in reverse order. */
#include "conform.h"

static void first(void) { puts("first"); }
static void second(void) { puts("second"); }

int main(void)
{
    atexit(first);
    atexit(second);
    exit(0x1234);
}
