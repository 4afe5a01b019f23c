/* Programs whose time is that of memory: memory KIND SIZE COUNT. Prints nanoseconds an operation takes, of COUNT, on
   the machine it runs on, host or guest. SIZE: KiB, for bfs the scale. Pages are of 4 KiB. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static uint64_t state = 88172645463325252ull;

static inline uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static void *memory(size_t bytes)
{
    void *start = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED)
        exit(2);
    madvise(start, bytes, MADV_NOHUGEPAGE);
    return start;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static volatile uint64_t result;
static double begun;

/* A chain of pointers, one a line, through all lines in an order without streams. */
static void chase(size_t bytes, long count)
{
    size_t lines = bytes / 64;
    char *start = memory(bytes);
    for (size_t i = 0; i < lines; i++)
        *(void **)(start + 64 * i) = start + 64 * ((i * 0x5851f42dull + 0x3039) & (lines - 1));
    void **at = (void **)start;
    for (size_t i = 0; i < (lines < 200000 ? lines : 200000); i++)
        at = *at;
    begun = now();
    for (long i = 0; i < count; i++)
        at = *at;
    result = (uint64_t)at;
}

/* COUNT words read one after the other. */
static void stream(size_t bytes, long count)
{
    size_t words = bytes / 8;
    uint64_t *start = memory(bytes), sum = 0;
    for (size_t i = 0; i < words; i += 512)
        start[i] = i;
    begun = now();
    for (long i = 0; i < count; i++)
        sum += start[i & (words - 1)];
    result = sum;
}

/* COUNT words read anywhere, none of which says where the next one is. */
static void anywhere(size_t bytes, long count)
{
    size_t words = bytes / 8;
    uint64_t *start = memory(bytes), sum = 0;
    for (size_t i = 0; i < words; i += 8)
        start[i] = i & 0xff;
    for (long i = 0; i < count / 4; i++)
        sum += start[next_random() & (words - 1)];
    begun = now();
    for (long i = 0; i < count; i++)
        sum += start[next_random() & (words - 1)];
    result = sum;
}

/* Breadth-first search, 2^SIZE vertices, 16 edges each; COUNT is ignored: an operation is an edge. */
static long bfs(long scale)
{
    uint32_t vertices = 1u << scale, head = 0, tail = 0;
    uint32_t *edges = memory(64ul * vertices), *level = memory(4ul * vertices), *queue = memory(4ul * vertices);
    for (size_t i = 0; i < 16ul * vertices; i++)
        edges[i] = next_random() >> 20 & (vertices - 1);
    memset(level, 0, 4ul * vertices);
    memset(queue, 0, 4ul * vertices);
    begun = now();
    queue[tail++] = 1;
    level[1] = 1;
    while (head < tail) {
        uint32_t vertex = queue[head++], next = level[vertex] + 1;
        for (uint32_t *edge = edges + 16ul * vertex; edge < edges + 16ul * vertex + 16; edge++)
            if (!level[*edge]) {
                level[*edge] = next;
                queue[tail++] = *edge;
            }
    }
    result = tail;
    return 16l * tail;
}

/* The product of two matrices of doubles in SIZE KiB each; an operation is a multiplication. */
static long matrix(size_t bytes)
{
    long n = 1;
    while (8 * n * n * 4 <= (long)bytes)
        n *= 2;
    double *a = memory(8 * n * n), *b = memory(8 * n * n), *c = memory(8 * n * n);
    for (long i = 0; i < n * n; i++)
        a[i] = i & 7, b[i] = i & 3, c[i] = 0;
    begun = now();
    for (long i = 0; i < n; i++)
        for (long k = 0; k < n; k++) {
            double one = a[i * n + k];
            for (long j = 0; j < n; j++)
                c[i * n + j] += one * b[k * n + j];
        }
    result = c[n + 1];
    return n * n * n;
}

/* Look-ups in a B-tree of nodes of 256 bytes in SIZE KiB; all leaves are at one depth. */
struct node {
    uint64_t keys[15];
    struct node *children[17];
};

static struct node *node_of(struct node **next, uint64_t low, uint64_t step, int depth)
{
    struct node *node = (*next)++;
    for (int i = 0; i < 15; i++)
        node->keys[i] = low + step * (i + 1);
    if (depth)
        for (int i = 0; i < 16; i++)
            node->children[i] = node_of(next, low + step * i, step / 16, depth - 1);
    return node;
}

static void btree(size_t bytes, long count)
{
    size_t nodes = 1, level = 1;
    int depth = 0;
    while ((nodes + level * 16) * sizeof(struct node) <= bytes)
        level *= 16, nodes += level, depth++;
    struct node *start = memory(nodes * sizeof(struct node)), *next = start;
    uint64_t most = level * 16, sum = 0;
    struct node *root = node_of(&next, 0, most / 16, depth);
    for (long i = -count / 4; i < count; i++) {
        if (i == 0)
            begun = now();
        uint64_t key = next_random() & (most - 1);
        for (struct node *node = root; node; ) {
            int child = 0;
            while (child < 15 && node->keys[child] <= key)
                child++;
            sum += child;
            node = node->children[child];
        }
    }
    result = sum;
}

int main(int arguments, char **values)
{
    if (arguments < 4)
        return 2;
    size_t size = strtoul(values[2], 0, 0);
    long count = strtol(values[3], 0, 0);
    if (!strcmp(values[1], "chase"))
        chase(size << 10, count);
    else if (!strcmp(values[1], "stream"))
        stream(size << 10, count);
    else if (!strcmp(values[1], "random"))
        anywhere(size << 10, count);
    else if (!strcmp(values[1], "bfs"))
        count = bfs(size);
    else if (!strcmp(values[1], "matrix"))
        count = matrix(size << 10);
    else if (!strcmp(values[1], "btree"))
        btree(size << 10, count);
    else
        return 2;
    printf("%.4f\n", (now() - begun) / count);
    return 0;
}
