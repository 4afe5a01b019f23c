/* Holes that begin and end anywhere: within a page, over an edge, whole pages; in a memfd, mapped and read. */
#include "conform.h"
#include <sys/mman.h>

enum { PAGE_BYTES = 4096, LENGTH = 4 * PAGE_BYTES };

static unsigned char bytes[LENGTH];

static void punch(int start, int length)
{
    int fd = memfd_create("holes", 0);
    memset(bytes, 'x', LENGTH);
    MUST(pwrite(fd, bytes, LENGTH, 0));
    unsigned char *shared = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unsigned char *own = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    own[PAGE_BYTES] = 'y'; /* a copy of its own, which a hole leaves */
    printf("[%d, +%d): %d", start, length, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, length));
    MUST(pread(fd, bytes, LENGTH, 0));
    int zeros = 0, first = -1, last = -1, same = 1, copied = 0;
    for (int i = 0; i < LENGTH; i++) {
        if (bytes[i] == 0) {
            zeros++;
            first = first < 0 ? i : first;
            last = i;
        }
        same &= shared[i] == bytes[i];
        copied += own[i] != 0;
    }
    printf(", zeros %d from %d to %d, mapping %s, private bytes left %d, size %ld\n", zeros, first, last,
           same ? "agrees" : "differs", copied, (long)lseek(fd, 0, SEEK_END));
    munmap(shared, LENGTH);
    munmap(own, LENGTH);
    close(fd);
}

int main(void)
{
    punch(10, 20);
    punch(PAGE_BYTES + 4000, 96);
    punch(PAGE_BYTES, 100);
    punch(100, PAGE_BYTES);
    punch(PAGE_BYTES - 1, 2);
    punch(PAGE_BYTES, PAGE_BYTES);
    punch(PAGE_BYTES + 1, 2 * PAGE_BYTES);
    punch(0, LENGTH);
    punch(LENGTH - 10, 100);
    punch(LENGTH + 10, 100);
    return 0;
}
