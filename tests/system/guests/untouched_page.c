/* Memory of every kind that a debugger may write before the program has touched it. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char big[1 << 20];
static volatile const char constant[8192] = {[8000] = 3};
static char initialized[8192] = {[8000] = 4};
char *anonymous, *barred, *readable, *shared, *file;

__attribute__((noinline)) int seven(void) { return 7; }

__attribute__((noinline)) void mapped(void) { __asm__ volatile(""); }

int main(int count, char **arguments)
{
    int rights = PROT_READ | PROT_WRITE;
    anonymous = mmap(0, 8192, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    barred = mmap(0, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    readable = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    shared = mmap(0, 8192, rights, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int descriptor = memfd_create("f", 0);
    (void)!write(descriptor, "abc", 3);
    file = mmap(0, 4096, rights, MAP_PRIVATE, descriptor, 0);
    int child = fork();
    if (!child) {
        volatile char *told = shared;
        while (!*told)
            sched_yield();
        _exit(seven() + constant[8000] + initialized[8000] + shared[4096]);
    }
    mapped();
    mprotect(barred, 8192, PROT_READ);
    char first;
    (void)!pread(descriptor, &first, 1, 0);
    int status;
    *shared = 1;
    waitpid(child, &status, 0);
    printf("%d %d %d %d %d %d %d %c%c %d child %d", big[500000], constant[8000], initialized[8000], anonymous[4096],
           barred[0], readable[0], shared[4096], file[0], first, seven(),
           WEXITSTATUS(status));
    return count > 1 || arguments == 0;
}
