/* Allocation: blocks of 16 to 2,015 bytes come and go in random order. */
#include "bench.h"

static unsigned long churn(long blocks)
{
    static char *held[4096];
    uint64_t state = 1, total = 0;
    for (long i = 0; i < blocks; i++) {
        uint64_t random = next_random(&state);
        char **slot = &held[random % 4096];
        size_t size = 16 + (random >> 12) % 2000;
        free(*slot);
        *slot = malloc(size);
        **slot = (char)i;
        total += size;
    }
    return total;
}

int main(int count, char **values)
{
    keep_heap(32 << 20);
    churn(1000); /* brings in code and data */
    return measure(churn, argument(count, values, 1, 700000));
}
