/* /proc/PID/mem, of this process and of another, and pagemap of another. */
#include "conform.h"
#include <sys/wait.h>

static const char constant[] = "a constant";
static char text[64];

static long get(int fd, const volatile void *at, long size)
{
    memset(text, 0, sizeof text);
    return pread(fd, text, size, (long)at);
}

int main(void)
{
    char *area = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *none = mmap(0, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *read_only = mmap(0, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int mem = MUST(open("/proc/self/mem", O_RDWR));
    strcpy(area, "in memory");
    MUST(munmap(area + 3 * PAGE, PAGE));
    printf("%ld %s\n", get(mem, area, 16), text);
    printf("%ld %s\n", get(mem, constant, sizeof constant), text);
    SHOW(get(mem, area + PAGE, 16));
    SHOW(get(mem, area + 3 * PAGE, 16));
    SHOW(get(mem, area + 3 * PAGE - 8, 16));
    SHOW(get(mem, none, 16));
    SHOW(get(mem, (void *)8, 16));
    SHOW(get(mem, (void *)0x7fffffffffffff00, 16));
    SHOW(read(mem, text, 1));
    SHOW(lseek(mem, (long)area, SEEK_SET) == (long)area);
    SHOW(lseek(mem, 3, SEEK_CUR) == (long)area + 3);
    SHOW(lseek(mem, 0, SEEK_END));
    SHOW(read(mem, text, 6));
    printf("%.6s, then at %ld\n", text, (long)lseek(mem, 0, SEEK_CUR) - (long)area);
    SHOW(pwrite(mem, "written by mem", 15, (long)area));
    printf("%s\n", area);
    SHOW(pwrite(mem, "A", 1, (long)constant));
    printf("%s\n", *(const char *volatile *)&(const char *){constant});
    SHOW(pwrite(mem, "x", 1, (long)none));
    SHOW(pwrite(mem, "x", 1, (long)read_only));
    SHOW(pwrite(mem, "shared", 7, (long)shared));
    printf("%s\n", shared);
    SHOW(pwrite(mem, "0123456789abcdef", 16, (long)area + 3 * PAGE - 8));
    printf("%.8s\n", area + 3 * PAGE - 8);
    SHOW(pread(mem, (void *)8, 16, (long)area));
    SHOW(pwrite(mem, (void *)8, 16, (long)area));
    SHOW(pwrite(mem, "", 0, (long)area));
    SHOW(ftruncate(mem, 0));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, mem, 0));

    printf("-- of a child\n");
    fflush(stdout);
    int go[2], done[2], result;
    MUST(pipe(go)), MUST(pipe(done));
    int child = fork();
    if (!child) {
        char byte;
        strcpy(area, "the child's"), strcpy(shared, "both's");
        write(done[1], "d", 1);
        read(go[0], &byte, 1);
        _exit(strcmp(area, "changed") ? 1 : 7);
    }
    char path[64];
    read(done[0], path, 1);
    snprintf(path, sizeof path, "/proc/%d/mem", child);
    int other = MUST(open(path, O_RDWR));
    printf("%ld %s, here %s\n", get(other, area, 16), text, area);
    SHOW(pwrite(other, "changed", 8, (long)area));
    printf("here %s\n", area);
    printf("%ld %s\n", get(other, constant, sizeof constant), text);
    SHOW(pwrite(other, "only there", 11, (long)constant));
    printf("here %s, %s\n", *(const char *volatile *)&(const char *){constant}, shared);
    snprintf(path, sizeof path, "/proc/%d/pagemap", child);
    int pagemap = MUST(open(path, O_RDONLY));
    uint64_t entry[2];
    SHOW(pread(pagemap, entry, 16, (long)area / PAGE * 8));
    printf("present %d %d\n", (int)(entry[0] >> 63), (int)(entry[1] >> 63));
    MUST(write(go[1], "g", 1));
    MUST(waitpid(child, &result, 0));
    printf("child %d\n", WEXITSTATUS(result));
    SHOW(get(other, area, 16));
    SHOW(pwrite(other, "x", 1, (long)area));
    SHOW(pread(pagemap, entry, 16, (long)area / PAGE * 8));
    return 0;
}
