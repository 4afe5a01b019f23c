/* PT_GNU_STACK with X: code runs on the stacks of the process and of its threads, and nowhere else that is only readable.
   flags: -Wl,-z,execstack
*/
#include "stacks.h"

/* A nested function whose address is taken: its trampoline lies on the stack. */
static int twice(int (*function)(int)) { return function(function(0)); }

int main(int count, char **arguments)
{
    unsigned char local[sizeof code];
    pthread_t thread;
    int add(int value) { return value + count; }
    catch_faults();
    printf("%d\n", twice(add));
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
