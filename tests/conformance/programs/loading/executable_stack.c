/* PT_GNU_STACK with X: code runs on the stacks of the process and of its threads, and nowhere else that is only readable.
   flags: -Wl,-z,execstack
*/
#include "stacks.h"

/* A nested function whose address is taken: its trampoline lies on the stack. */
static int twice(int (*function)(int)) { return function(function(0)); }

int main(int count, char **arguments)
{
    int add(int value) { return value + count; }
    catch_faults();
    printf("%d\n", twice(add));
    run_everywhere();
}
