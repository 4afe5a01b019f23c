/* memfd_create: a file that can be mapped, written, cut and punched, and mappings that see it. */
#include "pages.h"

int main(void)
{
    char buffer[64] = {0};
    struct stat status;
    catch_faults();
    SHOW(memfd_create("x", 0x8000));
    SHOW(memfd_create((char *)8, 0));
    int fd = SHOW(memfd_create("test", 0));
    SHOW(ftruncate(fd, 3 * PAGE + 100));
    SHOW(pwrite(fd, "hello", 5, PAGE));
    SHOW_POINTER(mmap(AT(0), 5 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    SHOW_POINTER(mmap(AT(8), 2 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, PAGE));
    printf("%.5s %.5s\n", AT(1), AT(8));
    show_resident("shared", 0, 5);
    *AT(1) = 'j';
    *AT(8) = 'y';
    printf("%.5s %.5s\n", AT(1), AT(8));
    SHOW(pread(fd, buffer, 5, PAGE));
    printf("%s\n", buffer);
    READ(AT(3));
    READ(AT(4));
    WRITE(AT(4), 1);
    SHOW(pwrite(fd, "more", 4, 4 * PAGE));
    READ(AT(4));
    fstat(fd, &status);
    printf("size %ld blocks %ld\n", (long)status.st_size, (long)status.st_blocks);
    SHOW(ftruncate(fd, PAGE));
    READ(AT(1));
    READ(AT(8));
    READ(AT(0));
    SHOW(ftruncate(fd, 5 * PAGE));
    VALUE(AT(1));
    VALUE(AT(8));
    for (int i = 0; i < 5; i++)
        *AT(i) = i + 1;
    *AT(8) = 77;
    SHOW(fallocate(fd, 3, PAGE, 2 * PAGE));
    VALUE(AT(0));
    VALUE(AT(1));
    VALUE(AT(3));
    VALUE(AT(8));
    fstat(fd, &status);
    printf("size %ld blocks %ld\n", (long)status.st_size, (long)status.st_blocks);
    SHOW(fallocate(fd, 0, 6 * PAGE, PAGE));
    SHOW(fallocate(fd, 2, 0, PAGE));
    SHOW(fallocate(fd, 0, 0, 0));
    SHOW(fallocate(fd, 0, -1, 5));
    SHOW(lseek(fd, 0, SEEK_END));
    SHOW(write(fd, "end", 3));
    SHOW(lseek(fd, -3, SEEK_CUR));
    SHOW(read(fd, buffer, 64));
    SHOW(ftruncate(fd, -1));
    SHOW(ftruncate(99, 0));
    SHOW(close(fd));
    VALUE(AT(3));
    return 0;
}
