/* sendfile and copy_file_range: positions, ends, kinds of files, overlaps. */
#include "conform.h"
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

int main(void)
{
    int from = MUST(open("from", O_RDWR | O_CREAT, 0600)), to = MUST(open("to", O_RDWR | O_CREAT, 0600)), ends[2];
    int append = MUST(open("to", O_WRONLY | O_APPEND)), reader = MUST(open("from", O_RDONLY));
    char buffer[64] = {0};
    off_t at = 3, other = 100;
    MUST(pipe(ends));
    MUST(write(from, "0123456789", 10));
    SHOW(sendfile(to, from, NULL, 5)), SHOW(lseek(from, 2, SEEK_SET)), SHOW(sendfile(to, from, NULL, 4));
    SHOW(lseek(from, 0, SEEK_CUR)), SHOW(lseek(to, 0, SEEK_CUR));
    SHOW(sendfile(ends[1], from, &at, 100)), SHOW(at), SHOW(read(ends[0], buffer, 64));
    puts(buffer);
    SHOW(sendfile(ends[1], from, &at, 100)), SHOW(sendfile(append, from, &at, 1)), SHOW(sendfile(to, ends[0], NULL, 1));
    SHOW(sendfile(to, ends[0], &at, 1)), SHOW(sendfile(reader, from, NULL, 1)), SHOW(sendfile(99, from, NULL, 1));
    at = -1;
    SHOW(sendfile(to, from, &at, 1)), SHOW(sendfile(to, from, (void *)8, 1));
    at = 2;
    SHOW(copy_file_range(from, &at, to, &other, 4, 0)), SHOW(at), SHOW(other), SHOW(lseek(to, 0, SEEK_END));
    SHOW(copy_file_range(from, &at, to, NULL, 100, 0)), SHOW(copy_file_range(from, &at, to, NULL, 100, 0));
    SHOW(copy_file_range(from, NULL, to, NULL, 4, 1)), SHOW(copy_file_range(from, NULL, ends[1], NULL, 4, 0));
    SHOW(copy_file_range(from, NULL, append, NULL, 4, 0)), SHOW(copy_file_range(to, NULL, reader, NULL, 4, 0));
    at = 0, other = 2;
    SHOW(copy_file_range(from, &at, from, &other, 4, 0)), SHOW(copy_file_range(from, &at, from, &other, 2, 0));
    SHOW(pread(from, buffer, 10, 0));
    puts(buffer);
    off_t *fixed = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOW(sendfile(to, from, fixed, 1)), SHOW(sendfile(to, from, fixed, 0)), SHOW(copy_file_range(from, fixed, to, NULL, 1, 0));
    return 0;
}
