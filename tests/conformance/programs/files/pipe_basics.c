/* pipe2: data in order, end of file, EPIPE without a signal when it is ignored, flags refused. */
#include "conform.h"

int main(void)
{
    int ends[2];
    char buffer[16] = {0};
    SHOW(pipe2(ends, 0));
    SHOW(ends[0]);
    SHOW(ends[1]);
    SHOW(write(ends[1], "hello", 5));
    SHOW(write(ends[1], " you", 4));
    SHOW(read(ends[0], buffer, 7));
    puts(buffer);
    SHOW(read(ends[1], buffer, 1));
    SHOW(write(ends[0], buffer, 1));
    SHOW(lseek(ends[0], 0, SEEK_CUR));
    SHOW(close(ends[1]));
    memset(buffer, 0, sizeof buffer);
    SHOW(read(ends[0], buffer, 16));
    puts(buffer);
    SHOW(read(ends[0], buffer, 16));
    SHOW(close(ends[0]));
    SHOW(close(ends[0]));
    SHOW(pipe2(ends, O_APPEND));
    SHOW(pipe2((int *)8, 0));
    return 0;
}
