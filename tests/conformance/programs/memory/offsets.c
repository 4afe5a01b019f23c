/* Offsets of files near the largest there are: mmap, reads, writes, positions, sizes; and RLIMIT_FSIZE of a memfd. */
#include "pages.h"
#include <sys/resource.h>

#define LAST 0x7fffffffffffffffL

static void map(int fd, int flags, unsigned long offset, unsigned long length)
{
    void *at = mmap(NULL, length, PROT_READ, flags, fd, offset);
    printf("%#lx + %lu, flags %#x: %s\n", offset, length, flags, at == MAP_FAILED ? errno_name(errno) : "ok");
}

static void map_all(const char *kind, int fd, int flags)
{
    static const unsigned long offsets[] = {
        0xfffffffffffff000, 0xffffffffffffe000, 0x8000000000000000, 0x7ffffffffffff000, 0x7fffffffffffe000,
        0x7fffffffffffd000, 0x1000000000000000,
    };
    puts(kind);
    for (int i = 0; i < 7; i++) {
        map(fd, flags, offsets[i], PAGE);
        map(fd, flags, offsets[i], 2 * PAGE);
    }
    map(fd, flags, PAGE, 1UL << 47);
}

static void show_size(int fd)
{
    struct stat status;
    MUST(fstat(fd, &status));
    printf("size %#lx\n", (long)status.st_size);
}

int main(void)
{
    char bytes[16] = "0123456789";
    struct iovec vector[2] = {{bytes, 2}, {bytes, 2}};
    int fd = MUST(memfd_create("offsets", 0)), file = MUST(open("file", O_RDWR | O_CREAT, 0600));
    map_all("memfd", fd, MAP_SHARED);
    map_all("memfd, private", fd, MAP_PRIVATE);
    map_all("file", file, MAP_SHARED);
    map_all("anonymous", -1, ANON);
    map_all("anonymous, shared", -1, MAP_SHARED | MAP_ANONYMOUS);
    map(open("/dev/null", O_RDWR), MAP_PRIVATE, 0xfffffffffffff000, PAGE);
    map(open("/dev/null", O_RDWR), MAP_PRIVATE, 0x8000000000000000, PAGE);
    map(fd, 0, 0xfffffffffffff000, PAGE);
    map_at(0, 1, RW);
    SHOW_POINTER(mmap(AREA, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0xfffffffffffff000));

    SHOW(ftruncate(fd, LAST));
    show_size(fd);
    SHOW(ftruncate(fd, -1));
    SHOW(ftruncate(fd, 10));
    SHOW(pwrite(fd, bytes, 4, LAST));
    SHOW(pwrite(fd, bytes, 4, LAST - 3));
    SHOW(pwritev(fd, vector, 2, LAST - 3));
    SHOW(pwrite(fd, bytes, 0, LAST));
    show_size(fd);
    SHOW(pread(fd, bytes, 4, LAST));
    SHOW(pread(fd, bytes, 4, LAST - 3));
    SHOW(preadv(fd, vector, 2, LAST - 3));
    SHOW(pread(fd, bytes, 4, LAST - 4));
    SHOW(pread(fd, bytes, 4, -1));
    SHOW(pwrite(fd, bytes, 4, -1));
    SHOW(lseek(fd, LAST, SEEK_SET));
    SHOW(read(fd, bytes, 4));
    SHOW(write(fd, bytes, 4));
    SHOW(write(fd, bytes, 0));
    SHOW(lseek(fd, 1, SEEK_CUR));
    SHOW(lseek(fd, 1, SEEK_END));
    SHOW(lseek(fd, -11, SEEK_END));
    SHOW(lseek(fd, -10, SEEK_END));
    SHOW(pwrite(file, bytes, 4, LAST - 3));
    SHOW(pread(file, bytes, 4, LAST - 3));
    SHOW(pwrite(fd, bytes, 4, LAST - 4));
    show_size(fd);
    SHOW(ftruncate(fd, 10));
    SHOW(fallocate(fd, 0, LAST - 4096, 4096));
    SHOW(fallocate(fd, 0, LAST, 1));
    show_size(fd);

    puts("RLIMIT_FSIZE");
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {100, 100};
    MUST(ftruncate(fd, 0));
    fflush(stdout);
    MUST(setrlimit(RLIMIT_FSIZE, &limit));
    long results[] = {
        pwrite(fd, bytes, 4, 98), pwrite(fd, bytes, 4, 100), pwrite(fd, bytes, 0, 100), ftruncate(fd, 101),
        fallocate(fd, 0, 0, 101), fallocate(fd, 1, 0, 101), fallocate(fd, 0, 0, 100), ftruncate(fd, 100),
    };
    for (int i = 0; i < 8; i++)
        printf("%ld ", results[i]);
    puts("");
    show_size(fd);
}
