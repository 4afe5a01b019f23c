/* Which memory of a process is executable: run(), rights() and a thread that asks for its own stack. */
#include "pages.h"
#include <pthread.h>

static const unsigned char code[] = {0x8d, 0x47, 0x01, 0xc3}; /* lea eax, [rdi + 1]; ret */
static unsigned char data[] = {0x8d, 0x47, 0x01, 0xc3};

#define CALL(what, ...)                                                                                      \
    do {                                                                                                    \
        if (sigsetjmp(fault_jump, 1) == 0) {                                                                \
            __VA_ARGS__;                                                                                    \
            printf("%s: ok\n", what);                                                                       \
        } else                                                                                              \
            printf("%s: %s code %d\n", what, fault_signal == SIGBUS ? "SIGBUS" : "SIGSEGV", fault_code);     \
    } while (0)

/* Whether the bytes at `at` can be run. */
static void run(const char *where, const void *at)
{
    volatile int result = 0;
    asm volatile("" : "+r"(at) : : "memory");
    CALL(where, result = ((int (*)(int))at)(41));
    if (result)
        printf("%d\n", result);
}

static void rights(const char *what, const void *at)
{
    char line[256], found[8] = "none";
    unsigned long start, end, address = (unsigned long)at;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps)) {
        char shown[8];
        if (sscanf(line, "%lx-%lx %4s", &start, &end, shown) == 3 && start <= address && address < end)
            strcpy(found, shown);
    }
    fclose(maps);
    printf("%s is %s\n", what, found);
}

static void *in_thread(void *unused)
{
    unsigned char local[sizeof code];
    memcpy(local, code, sizeof code);
    run("a thread's stack", local);
    rights("a thread's stack", local);
    return NULL;
}

/* The stack of the process and of a thread, data, heap and mappings. */
static void run_everywhere(void)
{
    unsigned char local[sizeof code];
    pthread_t thread;
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
