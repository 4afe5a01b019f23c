/* Memory below vm.mmap_min_addr: CAP_SYS_RAWIO may have it; without, it is refused.
   needs: root */
#include "conform.h"
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>

static char *volatile zero;

static void attempt(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    SHOW_POINTER(mmap(zero, PAGE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0));
    int segment = shmget(IPC_PRIVATE, PAGE, 0600 | IPC_CREAT);
    printf("a hint is raised: %d\n", mmap((void *)PAGE, PAGE, PROT_READ, flags, -1, 0) >= (void *)PAGE);
    char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
    SHOW_POINTER(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, zero));
    SHOW(shmctl(segment, IPC_RMID, NULL));
    printf("no page is left: %d\n", munmap(zero, PAGE));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    char *p = mmap(zero, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    printf("at zero: %d\n", p == NULL);
    zero[0] = 'a', zero[PAGE] = 'b';
    printf("%c%c\n", zero[0], zero[PAGE]);
    char *q = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    q[0] = 'c';
    printf("moved there: %d", mremap(q, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, zero) == NULL);
    printf(" %c\n", zero[0]);
    SHOW_POINTER(mmap(zero, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    SHOW(munmap(zero, 2 * PAGE));
    if (!fork()) {
        MUST(setresuid(65534, 65534, 65534));
        attempt();
        zero[0] = 'd';
    }
    int status;
    wait(&status);
    printf("signal %d\n", WTERMSIG(status));
}
