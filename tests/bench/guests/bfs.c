/* Breadth-first search over a graph in memory: bfs VERTICES EDGES SOURCE. File 3 holds VERTICES + 1 offsets, then EDGES
   neighbours, 64 bits each. */
#include "bench.h"

#include <sys/mman.h>

static uint64_t *offsets, *neighbours;
static uint32_t *level;
static uint64_t *queue;

static unsigned long search(long source)
{
    uint64_t head = 0, tail = 0, sum = 0;
    queue[tail++] = source;
    level[source] = 1;
    while (head < tail) {
        uint64_t vertex = queue[head++];
        uint32_t next = level[vertex] + 1;
        sum += next;
        for (uint64_t edge = offsets[vertex]; edge < offsets[vertex + 1]; edge++)
            if (!level[neighbours[edge]]) {
                level[neighbours[edge]] = next;
                queue[tail++] = neighbours[edge];
            }
    }
    return sum;
}

static void *resident(size_t bytes)
{
    return mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

int main(int count, char **values)
{
    uint64_t vertices = argument(count, values, 1, 0), edges = argument(count, values, 2, 0);
    offsets = mmap(0, 8 * (vertices + 1 + edges), PROT_READ, MAP_PRIVATE | MAP_POPULATE, 3, 0);
    if (offsets == MAP_FAILED)
        return 1;
    neighbours = offsets + vertices + 1;
    level = resident(4 * vertices);
    queue = resident(8 * vertices);
    return measure(search, argument(count, values, 3, 0));
}
