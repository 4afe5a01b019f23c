/* Jump tables and decision trees. */
#include "start.h"
static int pick(int n) {
    switch (n) {
        case 0: return 5;
        case 1: return 9;
        case 2: return 77;
        case 3: return 13;
        case 4: return 2;
        case 5: return 31;
        case 6: return 8;
        default: return 1;
    }
}

volatile int k = 4;
int run(void) {
    int s = 0;
    for (int i = 0; i < 9; i++) s += pick(i * k % 8);
    switch (k) {
        case 1: s++;
        break;
        case 2: s *= 3;
        break;
        case 3: s -= 4;
        break;
        case 4: s ^= 5;
        break;
        case 5: s |= 1;
        break;
        case 6: s = ~s;
        break;
    }
    return s & 127;
}
