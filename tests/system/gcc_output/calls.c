/* A call, a variable and a constant. */
#include "start.h"
static int twice(int x) {
    return 2 * x;
}

int value = 21;
double half = 0.5;
int run(void) {
    return twice(value) + (int)(half * 4);
}
