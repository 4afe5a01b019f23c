/* getrandom: sizes, flags, bad pointers; two reads differ. */
#include "conform.h"
#include <sys/random.h>

int main(void)
{
    char a[64] = {0}, b[64] = {0};
    SHOW(getrandom(a, 64, 0));
    SHOW(getrandom(b, 64, GRND_NONBLOCK));
    SHOW(memcmp(a, b, 64) != 0);
    SHOW(getrandom(a, 0, 0));
    SHOW(getrandom(a, 64, GRND_RANDOM));
    SHOW(getrandom(a, 64, 8));
    SHOW(getrandom(a, 64, GRND_RANDOM | 4));
    SHOW(getrandom(a, 64, 4));
    SHOW(getrandom((void *)8, 64, 0));
    char *big = malloc(1 << 20);
    SHOW(getrandom(big, 1 << 20, 0));
    return 0;
}
