/* process_vm_readv and writev reach a child's memory, copied on write or not there. */
#include "conform.h"
#include <sys/uio.h>
#include <sys/wait.h>
static char text[64] = "parent's"; static volatile int go;
int main(void)
{
    char got[64] = ""; int fds[2], st; pipe(fds);
    char *area = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t p = fork();
    if (!p) { strcpy(text, "child's"); write(fds[1], "x", 1); while (!go) usleep(1000); _exit(text[0] + area[0]); }
    read(fds[0], got, 1);
    struct iovec mine = {got, 20}, theirs = {text, 20};
    SHOW(process_vm_readv(p, &mine, 1, &theirs, 1, 0)); puts(got); puts(text);
    strcpy(got, "Xchanged"); SHOW(process_vm_writev(p, &mine, 1, &theirs, 1, 0)); puts(text);
    mine.iov_len = theirs.iov_len = 5; theirs.iov_base = area; SHOW(process_vm_readv(p, &mine, 1, &theirs, 1, 0)); printf("%d\n", got[0]);
    int one = 1; mine = (struct iovec){&one, 4}; theirs = (struct iovec){(void *)&go, 4}; SHOW(process_vm_writev(p, &mine, 1, &theirs, 1, 0));
    waitpid(p, &st, 0); printf("status %d\n", WEXITSTATUS(st));
    SHOW(process_vm_readv(p, &mine, 1, &theirs, 1, 0));
    return 0;
}
