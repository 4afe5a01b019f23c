/* A failed assertion: the message on stderr, death by SIGABRT. */
#include "conform.h"
#include <assert.h>

int main(int argc, char **argv)
{
    puts("before");
    fflush(stdout);
    assert(argc == 7 && "never");
    puts("after");
    return 0;
}
