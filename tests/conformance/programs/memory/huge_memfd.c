/* A memfd of huge pages, more of which are asked for than any machine has reserved.
   needs: root */
#include "conform.h"
#include <sys/vfs.h>

#define MANY (1L << 42) /* bytes */

int main(void)
{
    char bytes[16];
    int fd = SHOW(memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING));
    SHOW(ftruncate(fd, 4096)), SHOW(ftruncate(fd, MANY));
    SHOW_POINTER(mmap(NULL, MANY, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    SHOW_POINTER(mmap(NULL, MANY, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    SHOW_POINTER(mmap(NULL, MANY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_HUGETLB, fd, 0));
    SHOW(read(fd, bytes, 10)), SHOW(write(fd, bytes, 10)), SHOW(pwrite(fd, bytes, 10, 0)), SHOW(pread(fd, bytes, 10, MANY));
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2 << 20));
    struct stat st;
    fstat(fd, &st);
    printf("mode %o size %ld block %ld blocks %ld\n", st.st_mode, (long)st.st_size, (long)st.st_blksize, (long)st.st_blocks);
    SHOW(fcntl(fd, F_GET_SEALS)), SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)), SHOW(ftruncate(fd, 0));
    SHOW(memfd_create("x", MFD_HUGETLB | 21 << 26) > 0), SHOW(memfd_create("x", MFD_HUGETLB | 25 << 26)), SHOW(memfd_create("x", 21 << 26));
    return 0;
}
