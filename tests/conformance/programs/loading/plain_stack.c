/* PT_GNU_STACK without X: no stack is executable.
   flags: -Wl,-z,noexecstack
*/
#include "stacks.h"

int main(void)
{
    catch_faults();
    run_everywhere();
}
