/* Loads and stores without a pattern: an open-addressing hash table of 16 MiB, counting how often keys come. */
#include "bench.h"

#define SLOTS (1ul << 20)
static struct { uint64_t key, count; } table[SLOTS];

static unsigned long fill(long keys)
{
    uint64_t state = 7, collisions = 0;
    for (long i = 0; i < keys; i++) {
        uint64_t key = next_random(&state) % (SLOTS / 2) + 1, slot = (key * 0x9E3779B97F4A7C15ull) >> 44;
        while (table[slot].key && table[slot].key != key) {
            slot = (slot + 1) % SLOTS;
            collisions++;
        }
        table[slot].key = key;
        table[slot].count++;
    }
    return collisions;
}

int main(int count, char **values)
{
    memset(table, 1, sizeof table);
    memset(table, 0, sizeof table);
    return measure(fill, argument(count, values, 1, 2000000));
}
