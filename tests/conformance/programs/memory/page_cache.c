/* The page cache of a file on disk: what reads, mappings and advice bring in and drop, where no window decides.
 *
 * needs: ext4
 */
#include "conform.h"
#include <sys/mman.h>

enum { COUNT = 300 };

static int fd;
static char *pages;

static void show(const char *what)
{
    unsigned char resident[COUNT];
    usleep(30000); /* reads that nothing waits for */
    MUST(mincore(pages, COUNT * PAGE, resident));
    printf("%s:", what);
    for (int page = 0; page < COUNT; page++)
        if (resident[page] & 1)
            printf(" %d", page);
    printf("\n");
}

/* Nothing is cached. */
static void start(int advice)
{
    if (pages)
        MUST(munmap(pages, COUNT * PAGE));
    MUST(fsync(fd)), MUST(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
    pages = mmap(0, COUNT * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SHOW(madvise(pages, COUNT * PAGE, advice));
}

int main(void)
{
    volatile char byte;
    char buffer[PAGE];
    fd = MUST(open("file", O_RDWR | O_CREAT, 0600));
    for (int page = 0; page < COUNT; page++) {
        memset(buffer, page, PAGE);
        MUST(write(fd, buffer, PAGE));
    }
    start(MADV_RANDOM);
    show("dropped");
    byte = pages[100 * PAGE], byte = pages[101 * PAGE], byte = pages[7 * PAGE];
    show("single pages");
    pages[7 * PAGE] = 'x', pages[9 * PAGE] = 'y';
    SHOW(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
    show("mapped pages stay");
    SHOW(msync(pages, COUNT * PAGE, MS_SYNC));
    SHOW(madvise(pages, 9 * PAGE, MADV_DONTNEED));
    show("unmapped only");
    SHOW(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
    show("page 7 unused");
    printf("%c %c %d\n", pages[7 * PAGE], pages[9 * PAGE], pages[7 * PAGE + 1]);

    start(MADV_RANDOM);
    SHOW(madvise(pages + 20 * PAGE, 3 * PAGE, MADV_WILLNEED));
    show("will need");
    SHOW(readahead(fd, 40 * PAGE + 5, PAGE)), SHOW(posix_fadvise(fd, 50 * PAGE, 1, POSIX_FADV_WILLNEED));
    show("read ahead");
    SHOW(posix_fadvise(fd, 20 * PAGE + 1, 2 * PAGE - 1, POSIX_FADV_DONTNEED));
    show("whole pages only");
    MUST(pread(fd, buffer, 10, 100 * PAGE));
    show("read");
    SHOW(madvise(pages + 60 * PAGE, 3 * PAGE, MADV_POPULATE_READ));
    show("populated");
    byte = pages[70 * PAGE], byte = pages[71 * PAGE];
    SHOW(madvise(pages + 60 * PAGE, 20 * PAGE, MADV_PAGEOUT));
    show("paged out");

    start(MADV_RANDOM);
    pages[5 * PAGE] = 'z';
    SHOW(sync_file_range(fd, 0, 0, 7)), SHOW(fdatasync(fd)), SHOW(pread(fd, buffer, 1, 5 * PAGE));
    printf("%c\n", buffer[0]);
    SHOW(ftruncate(fd, 3 * PAGE)), SHOW(ftruncate(fd, COUNT * PAGE));
    printf("%d\n", pages[5 * PAGE]);
    (void)byte;
    return 0;
}
