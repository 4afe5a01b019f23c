/* PT_GNU_STACK without X: no stack is executable.
   flags: -Wl,-z,noexecstack
*/
#include "stacks.h"

int main(int count, char **arguments)
{
    unsigned char local[sizeof code];
    pthread_t thread;

    catch_faults();

    memcpy(local, code, sizeof code);
    run("the stack", local);
    rights("the stack", local);
    MUST(pthread_create(&thread, NULL, in_thread, NULL));
    pthread_join(thread, NULL);
    run("initialised data", data);
    rights("initialised data", data);
    unsigned char *heap = malloc(64), *mapped = (unsigned char *)map_at(0, 1, RW);
    memcpy(heap, code, sizeof code);
    memcpy(mapped, code, sizeof code);
    run("the heap", heap);
    run("a mapping", mapped);
    rights("a mapping", mapped);
    MUST(mprotect(mapped, PAGE, PROT_READ));
    run("a mapping for reading", mapped);
    MUST(mprotect(mapped, PAGE, PROT_READ | PROT_EXEC));
    run("a mapping for reading and execution", mapped);
    MUST(mprotect((void *)((unsigned long)local & -PAGE), PAGE, RW));
    run("the stack, made not executable", local);
}
