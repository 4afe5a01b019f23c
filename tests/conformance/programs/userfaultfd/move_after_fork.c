/* MOVE of pages that a child shares is EBUSY; after a store they can go. needs: userfaultfd */
#include "uffd.h"
#include <sys/wait.h>

int main(void)
{
    int status, ends[2];
    char byte;
    uffd = open_uffd(O_NONBLOCK, 0);
    map_at(0, 4, RW);
    map_at(8, 4, RW);
    *AT(8) = 1;
    *AT(9) = 2;
    REGISTER(AT(0), 4 * PAGE, MISSING);
    MUST(pipe(ends));
    if (fork() == 0) {
        read(ends[0], &byte, 1);
        _exit(0);
    }
    MOVE(AT(0), AT(8), 2 * PAGE, 0);
    *AT(8) = 3;
    MOVE(AT(0), AT(8), 2 * PAGE, 0);
    VALUE(AT(0));
    write(ends[1], "x", 1);
    wait(&status);
    *AT(9) = 4;
    MOVE(AT(1), AT(9), PAGE, 0);
    VALUE(AT(1));
    return 0;
}
