/* remap_file_pages on a memfd and on shared anonymous memory; protection keys on a CPU without them; errors. */
#include "conform.h"
int main(void)
{
    int fd = memfd_create("x", 0);
    ftruncate(fd, 8 * PAGE);
    char *p = mmap(0, 4 * PAGE, 3, MAP_SHARED, fd, 0);
    for (int i = 0; i < 4; i++)
        p[i * PAGE] = 'a' + i;
    char c = 'z';
    pwrite(fd, &c, 1, 6 * PAGE);
    SHOW(remap_file_pages(p, PAGE, 0, 2, 0));
    printf("%c%c\n", p[0], p[PAGE]);
    SHOW(remap_file_pages(p + PAGE, 2 * PAGE, 0, 6, 0));
    printf("%c\n", p[PAGE]);
    p[PAGE] = 'q';
    pread(fd, &c, 1, 6 * PAGE);
    printf("%c\n", c);
    SHOW(remap_file_pages(p, PAGE, 1, 2, 0));
    SHOW(remap_file_pages(p, 0, 0, 2, 0));
    SHOW(remap_file_pages(p, 100 * PAGE, 0, 2, 0));
    SHOW(remap_file_pages(p, PAGE, 0, -1L, 0));
    SHOW(remap_file_pages((void *)PAGE, PAGE, 0, 0, 0));
    SHOW(remap_file_pages(p + 1, PAGE + 5, 0, 0, 0));
    printf("%c\n", p[0]);
    char *q = mmap(0, 4 * PAGE, 3, MAP_PRIVATE, fd, 0);
    SHOW(remap_file_pages(q, PAGE, 0, 2, 0));
    q = mmap(0, 4 * PAGE, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    q[3 * PAGE] = 's';
    SHOW(remap_file_pages(q, PAGE, 0, 3, 0));
    printf("%c\n", q[0]);
    SHOW(remap_file_pages(q, 2 * PAGE, 0, 1, 0));
    SHOW(remap_file_pages(p, 4 * PAGE, 0, 0, 0));
    printf("%c%c%c%c\n", p[0], p[PAGE], p[2 * PAGE], p[3 * PAGE]);
    SHOW(syscall(SYS_pkey_mprotect, p, PAGE, 1, -1));
    SHOW(syscall(SYS_pkey_mprotect, p, PAGE, 1, 0));
    SHOW(syscall(SYS_pkey_mprotect, p, PAGE, 1, 5));
    SHOW(syscall(SYS_pkey_free, 3));
    SHOW(syscall(SYS_pkey_free, 0));
    SHOW(syscall(SYS_pkey_alloc, 1, 0));
    SHOW(syscall(SYS_pkey_alloc, 0, 8));
    return 0;
}
