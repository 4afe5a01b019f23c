/* The stack grows to megabytes; recursion beyond its limit is SIGSEGV. */
#include "conform.h"

static int deep(int n)
{
    volatile char room[1024];
    room[0] = n;
    return n == 0 ? 0 : deep(n - 1) + room[0] % 2;
}

int main(void)
{
    printf("%d\n", deep(4000));
    fflush(stdout);
    printf("%d\n", deep(100000));
    return 0;
}
