/* memfd seals: F_SEAL_EXEC and rights, F_SEAL_FUTURE_WRITE and mappings, fallocate, files opened again. */
#include "conform.h"
#define MFD_NOEXEC_SEAL 8
#define MFD_EXEC 0x10
#undef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20

static int mode(int fd)
{
    struct stat status;
    MUST(fstat(fd, &status));
    return status.st_mode & 07777;
}

int main(void)
{
    int a = memfd_create("a", MFD_ALLOW_SEALING), b = memfd_create("b", MFD_NOEXEC_SEAL), plain = memfd_create("e", 0);
    int c = memfd_create("c", MFD_EXEC | MFD_ALLOW_SEALING), d = memfd_create("d", MFD_ALLOW_SEALING);
    printf("%o %o %o\n", mode(a), mode(b), mode(c));
    SHOW(fcntl(a, F_GET_SEALS)), SHOW(fcntl(b, F_GET_SEALS)), SHOW(fcntl(c, F_GET_SEALS)), SHOW(fcntl(plain, F_GET_SEALS));
    SHOW(fcntl(a, F_ADD_SEALS, F_SEAL_EXEC)), SHOW(fcntl(a, F_GET_SEALS)), SHOW(fchmod(a, 0644)), SHOW(fchmod(a, 0777));
    SHOW(fchmod(a, 0711)), printf("%o\n", mode(a)), SHOW(write(a, "x", 1)), SHOW(ftruncate(a, 5));
    SHOW(fchmod(b, 0777)), SHOW(fchmod(b, 0600)), SHOW(write(b, "x", 1)), SHOW(fcntl(b, F_ADD_SEALS, F_SEAL_EXEC));
    SHOW(fcntl(b, F_GET_SEALS)), SHOW(fchmod(c, 0644)), SHOW(fcntl(c, F_ADD_SEALS, F_SEAL_EXEC));
    SHOW(fcntl(c, F_GET_SEALS)), SHOW(write(c, "x", 1)), SHOW(fchmod(c, 0755)), SHOW(ftruncate(d, 8192));
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, d, 0);
    SHOW(fcntl(d, F_ADD_SEALS, F_SEAL_WRITE)), SHOW(fcntl(d, F_ADD_SEALS, F_SEAL_FUTURE_WRITE)), memset(map, 1, 8192);
    SHOW(write(d, "a", 1)), SHOW_POINTER(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, d, 0));
    void *readable = mmap(NULL, 4096, PROT_READ, MAP_SHARED, d, 0);
    SHOW(mprotect(readable, 4096, PROT_READ | PROT_WRITE));
    SHOW_POINTER(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, d, 0)), SHOW(fallocate(d, 3, 0, 4096));
    SHOW(ftruncate(d, 4096)), SHOW(ftruncate(d, 16384)), SHOW(fcntl(d, F_ADD_SEALS, F_SEAL_WRITE)), munmap(map, 8192);
    SHOW(fcntl(d, F_ADD_SEALS, F_SEAL_WRITE)), SHOW(fcntl(d, F_ADD_SEALS, 0x40)), SHOW(fallocate(d, 0, 0, 4096));
    SHOW(fallocate(d, 3, 0, 4096)), SHOW(fallocate(d, 1, 0, 1 << 20)), SHOW(fcntl(d, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_GROW));
    SHOW(fcntl(d, F_ADD_SEALS, F_SEAL_SHRINK)), SHOW(fcntl(d, F_ADD_SEALS, 0)), SHOW(fcntl(d, F_ADD_SEALS, 0x40));
    SHOW(fallocate(d, 1, 0, 1 << 20)), SHOW(fallocate(d, 0, 0, 1 << 20));
    char path[64];
    int again = memfd_create("g", MFD_ALLOW_SEALING);
    snprintf(path, sizeof path, "/proc/self/fd/%d", again);
    int reader = MUST(open(path, O_RDONLY)), writer = MUST(open(path, O_RDWR));
    SHOW(fcntl(reader, F_ADD_SEALS, F_SEAL_GROW)), SHOW(fcntl(reader, F_ADD_SEALS, 0x40)), SHOW(fcntl(reader, F_GET_SEALS));
    SHOW(fcntl(writer, F_ADD_SEALS, F_SEAL_GROW)), SHOW(fcntl(reader, F_GET_SEALS)), SHOW(fcntl(again, F_GET_SEALS));
    SHOW(write(again, "xx", 2)), SHOW(write(writer, "xx", 2));
    int grows = memfd_create("h", MFD_ALLOW_SEALING);
    SHOW(write(grows, "abc", 3)), SHOW(fcntl(grows, F_ADD_SEALS, F_SEAL_GROW)), SHOW(pwrite(grows, "abcdef", 6, 0));
    SHOW(pwrite(grows, "abcdef", 3, 0)), SHOW(pwrite(grows, "abcdef", 6, 3)), SHOW(lseek(grows, 0, SEEK_END));
    unsigned char present[4];
    char *pages = MUST(ftruncate(plain, 4 * PAGE)) ? NULL : mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, plain, 0);
    MUST(fallocate(plain, 0, 0, 2 * PAGE)), pages[PAGE] = 1, MUST(pwrite(plain, "a", 1, 3 * PAGE));
    SHOW(mincore(pages, 4 * PAGE, present)), printf("%d%d%d%d\n", present[0], present[1], present[2], present[3]);
    return 0;
}
