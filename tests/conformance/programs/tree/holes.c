/* SEEK_HOLE and SEEK_DATA of a file on a disk: what must be data is, and a copy by stretches is the same file. */
#include "conform.h"

int main(void)
{
    static char bytes[1 << 20], again[1 << 20];
    int file = MUST(open("sparse", O_RDWR | O_CREAT, 0600)), copy = MUST(open("copy", O_RDWR | O_CREAT, 0600));
    memset(bytes + 200000, 'x', 10000);
    memset(bytes + 900000, 'y', 5);
    MUST(pwrite(file, bytes + 200000, 10000, 200000));
    MUST(pwrite(file, bytes + 900000, 5, 900000));
    MUST(ftruncate(file, sizeof bytes));
    long start = lseek(file, 0, SEEK_DATA), end = lseek(file, start, SEEK_HOLE);
    printf("first data: %d %d\n", start > 0 && start <= 200000, end >= 210000 && end < 900000);
    SHOW(lseek(file, 200005, SEEK_DATA));
    start = lseek(file, end, SEEK_DATA);
    printf("then: %d\n", start > end && start <= 900000);
    SHOW(lseek(file, 0, SEEK_HOLE));
    SHOW(lseek(file, 1000000, SEEK_DATA));
    SHOW(lseek(file, 1000000, SEEK_HOLE));
    SHOW(lseek(file, sizeof bytes, SEEK_DATA));
    SHOW(lseek(file, sizeof bytes, SEEK_HOLE));
    SHOW(lseek(file, -1, SEEK_DATA));
    for (start = 0; (start = lseek(file, start, SEEK_DATA)) >= 0; start = end) {
        end = lseek(file, start, SEEK_HOLE);
        MUST(pread(file, again, end - start, start));
        MUST(pwrite(copy, again, end - start, start));
    }
    MUST(ftruncate(copy, sizeof bytes));
    MUST(pread(copy, again, sizeof again, 0));
    printf("copied: %d\n", !memcmp(bytes, again, sizeof bytes));
    volatile char *mapped = MUST(mmap(NULL, sizeof bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    mapped[500000] = 1;
    start = lseek(file, 300000, SEEK_DATA);
    printf("stored to a mapping: %d\n", start > 300000 && start <= 500000);
    SHOW(lseek(file, 500000, SEEK_DATA));
    SHOW(lseek(open("empty", O_RDWR | O_CREAT, 0600), 0, SEEK_DATA));
}
