/* get_robust_list: of the caller, other threads and processes, dead ones; errors. */
#include "conform.h"
#include <pthread.h>
#include <sys/wait.h>
static long heads[3]; static volatile pid_t tid; static int go[2], ready[2];
static void *thread(void *a) { char c; heads[1] = 24; tid = gettid(); syscall(SYS_get_robust_list, 0, &heads[0], &heads[1]); write(ready[1], "r", 1); read(go[0], &c, 1); return 0; }
int main(void)
{
    long head = -1, other = -1, length = -1; pthread_t t; char c; int st, pid;
    pipe(go); pipe(ready);
    SHOW(syscall(SYS_get_robust_list, 0, &head, &length)); printf("a list %d length %ld\n", head != 0 && head != -1, length);
    SHOW(syscall(SYS_get_robust_list, getpid(), &other, &length)); printf("the same %d\n", head == other);
    SHOW(syscall(SYS_get_robust_list, gettid(), &other, &length));
    long three[3] = {(long)three, 0, 0};
    SHOW(syscall(SYS_set_robust_list, three, 24)); SHOW(syscall(SYS_get_robust_list, 0, &other, &length)); printf("mine %d\n", other == (long)three);
    SHOW(syscall(SYS_set_robust_list, 3, 24)); SHOW(syscall(SYS_get_robust_list, 0, &other, &length)); printf("%ld\n", other);
    SHOW(syscall(SYS_set_robust_list, three, 23)); SHOW(syscall(SYS_set_robust_list, three, 1L << 32 | 24)); SHOW(syscall(SYS_get_robust_list, 0, &other, &length)); printf("%ld\n", other);
    SHOW(syscall(SYS_set_robust_list, 0, 24)); SHOW(syscall(SYS_get_robust_list, 0, &other, &length)); printf("%ld\n", other);
    SHOW(syscall(SYS_set_robust_list, head, 24));
    other = length = -1;
    SHOW(syscall(SYS_get_robust_list, 0, 8, &length)); printf("%ld\n", length); length = -1; SHOW(syscall(SYS_get_robust_list, 0, &other, 8)); printf("%ld\n", other); SHOW(syscall(SYS_get_robust_list, 99999, 8, 8)); SHOW(syscall(SYS_get_robust_list, -1, &other, &length)); SHOW(syscall(SYS_get_robust_list, -getpid(), &other, &length)); SHOW(syscall(SYS_get_robust_list, 1L << 32, &other, &length));
    pthread_create(&t, 0, thread, 0); read(ready[0], &c, 1);
    SHOW(syscall(SYS_get_robust_list, tid, &other, &length)); printf("the thread's %d, not mine %d\n", other == heads[0], other != head);
    write(go[1], "g", 1); pthread_join(t, 0); SHOW(syscall(SYS_get_robust_list, tid, &other, &length));
    fflush(stdout);
    pid = fork();
    if (!pid) { syscall(SYS_get_robust_list, 0, &other, &length); printf("a child's %d\n", other == head); fflush(stdout); write(ready[1], "r", 1); read(go[0], &c, 1); _exit(0); }
    read(ready[0], &c, 1);
    SHOW(syscall(SYS_get_robust_list, pid, &other, &length)); printf("as it sees it %d\n", other == head);
    write(go[1], "g", 1); waitid(P_PID, pid, 0, WEXITED | WNOWAIT); other = length = -1; SHOW(syscall(SYS_get_robust_list, pid, &other, &length)); printf("a zombie's %ld length %ld\n", other, length);
    wait(&st); SHOW(syscall(SYS_get_robust_list, pid, &other, &length));
    pid = vfork();
    if (!pid) { syscall(SYS_get_robust_list, 0, &heads[2], &length); _exit(0); }
    wait(&st); printf("a vforked child's %ld\n", heads[2]);
    fflush(stdout);
    pid = fork();
    if (!pid) { pthread_create(&t, 0, thread, 0); syscall(SYS_exit, 0); }
    read(ready[0], &c, 1); usleep(20000); other = -1; SHOW(syscall(SYS_get_robust_list, pid, &other, &length)); printf("of a first thread that is gone %ld\n", other); write(go[1], "g", 1); wait(&st);
    return 0;
}
