/* SEEK_HOLE and SEEK_DATA of a memfd: writes, holes, reads, mappings, fallocate, punched and cut. */
#include "pages.h"
#ifndef FALLOC_FL_KEEP_SIZE
#define FALLOC_FL_KEEP_SIZE 1
#define FALLOC_FL_PUNCH_HOLE 2
#endif

static int file;

/* The stretches of data, in pages and bytes, and lseek at places of interest. */
static void show_data(const char *when)
{
    printf("%s:", when);
    for (long start = 0, end; (start = lseek(file, start, SEEK_DATA)) >= 0; start = end) {
        end = lseek(file, start, SEEK_HOLE);
        printf(" %ld-%ld", start, end);
    }
    printf(" (%s), hole at %ld, position %ld\n", errno_name(errno), lseek(file, 0, SEEK_HOLE), lseek(file, 0, SEEK_CUR));
}

int main(void)
{
    char byte;
    struct stat status;
    file = MUST(memfd_create("holes", 0));
    show_data("empty");
    MUST(ftruncate(file, 20 * PAGE + 100));
    show_data("all hole");
    MUST(pwrite(file, "a", 1, 0));
    MUST(pwrite(file, "b", 1, 5 * PAGE - 1));
    MUST(pwrite(file, "cd", 2, 8 * PAGE - 1));
    MUST(pwrite(file, "e", 1, 20 * PAGE));
    show_data("written");
    SHOW(lseek(file, 1, SEEK_DATA));
    SHOW(lseek(file, PAGE, SEEK_DATA));
    SHOW(lseek(file, 1, SEEK_HOLE));
    SHOW(lseek(file, PAGE + 1, SEEK_HOLE));
    SHOW(lseek(file, 20 * PAGE + 99, SEEK_HOLE));
    SHOW(lseek(file, 20 * PAGE + 99, SEEK_DATA));
    SHOW(lseek(file, 20 * PAGE + 100, SEEK_DATA));
    SHOW(lseek(file, 20 * PAGE + 100, SEEK_HOLE));
    SHOW(lseek(file, -1, SEEK_DATA));
    SHOW(lseek(file, -1, SEEK_HOLE));
    SHOW(lseek(file, 1L << 62, SEEK_HOLE));
    SHOW(lseek(file, 0, SEEK_CUR));
    MUST(pread(file, &byte, 1, 10 * PAGE));
    show_data("a hole was read");
    volatile char *shared = MUST(mmap(NULL, 21 * PAGE, RW, MAP_SHARED, file, 0));
    volatile char *copy = MUST(mmap(NULL, 21 * PAGE, RW, MAP_PRIVATE, file, 0));
    byte = shared[11 * PAGE];
    show_data("loaded from a shared mapping");
    byte = copy[13 * PAGE];
    show_data("loaded from a private mapping");
    copy[15 * PAGE] = 1;
    show_data("stored to a private mapping");
    MUST(fallocate(file, 0, 16 * PAGE, 2 * PAGE));
    fstat(file, &status);
    printf("blocks %ld\n", (long)status.st_blocks);
    show_data("fallocate");
    MUST(pread(file, &byte, 1, 16 * PAGE));
    show_data("the first page was read");
    shared[17 * PAGE] = 0;
    show_data("the second was stored to");
    MUST(fallocate(file, 0, 18 * PAGE, 1));
    MUST(pwrite(file, "f", 1, 18 * PAGE + 5));
    show_data("fallocate and write");
    MUST(fallocate(file, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 8 * PAGE - 10, 4 * PAGE));
    show_data("punched");
    fstat(file, &status);
    printf("blocks %ld\n", (long)status.st_blocks);
    MUST(madvise((void *)shared, PAGE, MADV_REMOVE));
    show_data("MADV_REMOVE");
    MUST(fallocate(file, FALLOC_FL_KEEP_SIZE, 30 * PAGE, PAGE));
    show_data("fallocate behind the end");
    MUST(ftruncate(file, 13 * PAGE + 7));
    show_data("cut");
    MUST(ftruncate(file, 40 * PAGE));
    show_data("longer");
    MUST(pwrite(file, "g", 1, 1L << 40));
    show_data("far away");
    MUST(fallocate(file, 0, 35 * PAGE, 4 * PAGE));
    MUST(ftruncate(file, 37 * PAGE));
    byte = shared[20 * PAGE];
    show_data("fallocate, cut");
}
