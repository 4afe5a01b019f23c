/* System V shared memory: keys, permissions, attachments and their addresses, removal, what the children see, errors. */
#include "conform.h"
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#define KEY 0x70666601
static struct shmid_ds d;
static void status(int id)
{
    if (shmctl(id, IPC_STAT, &d)) {
        printf("status %s\n", errno_name(errno));
        return;
    }
    printf("status key %x mode %o uid %d size %zu attached %lu own %d last %d times %d %d %d\n",
           d.shm_perm.__key, d.shm_perm.mode, d.shm_perm.uid, d.shm_segsz, (unsigned long)d.shm_nattch,
           d.shm_cpid == getpid(), d.shm_lpid == getpid(), !!d.shm_atime, !!d.shm_dtime, !!d.shm_ctime);
}
static char *at(const char *what, void *p)
{
    show_pointer(what, p);
    return p;
}
#define AT(call) at(#call, call)
int main(void)
{
    int id, other, n;
    shmctl(shmget(KEY, 0, 0), IPC_RMID, 0);
    SHOW(shmget(KEY, 100, 0600));
    SHOW(shmget(KEY, 0, IPC_CREAT | 0600));
    SHOW(shmget(KEY, -1, IPC_CREAT | 0600));
    SHOW((id = shmget(KEY, 3 * PAGE + 100, IPC_CREAT | 0640)) >= 0);
    SHOW(shmget(KEY, 1, IPC_CREAT | IPC_EXCL));
    SHOW(shmget(KEY, 0, 0) == id);
    SHOW(shmget(KEY, 4 * PAGE, 0));
    SHOW(shmget(KEY, 3 * PAGE + 100, 0777) == id);
    status(id);
    char *p = AT(shmat(id, 0, 0)), *q = AT(shmat(id, 0, SHM_RDONLY));
    status(id);
    strcpy(p + PAGE, "seen");
    printf("%s\n", q + PAGE);
    printf("tail %d\n", p[4 * PAGE - 1]);
    SHOW(mprotect(q, PAGE, PROT_READ | PROT_WRITE));
    SHOW(mprotect(p, PAGE, PROT_READ));
    SHOW(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
    char *room = mmap(0, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    AT(shmat(id, room, 0));
    AT(shmat(id, room + 1, 0));
    SHOW(shmat(id, room + 1, SHM_RND | SHM_REMAP) == room);
    SHOW(shmat(id, room + 8 * PAGE, SHM_REMAP | SHM_RDONLY) == room + 8 * PAGE);
    AT(shmat(id, 0, SHM_REMAP));
    AT(shmat(id, (void *)1, SHM_RND | SHM_REMAP));
    AT(shmat(id, (void *)-4096, SHM_REMAP));
    AT(shmat(-1, 0, 0));
    AT(shmat(id + 1000, 0, 0));
    AT(shmat(id, (void *)0x7ffffffff000, SHM_REMAP));
    printf("%s\n", room + PAGE);
    SHOW(munmap(room + PAGE, PAGE));
    SHOW(shmdt(shmat(id, 0, 0)));
    status(id);
    SHOW(shmdt(room + 2 * PAGE));
    SHOW(shmdt(room));
    status(id);
    SHOW(shmdt(room));
    SHOW(shmdt(room + 1));
    SHOW(shmdt(room + 8 * PAGE));
    fflush(stdout);
    if (!fork()) {
        status(id);
        strcpy(p + PAGE, "child");
        SHOW(shmdt(q));
        status(id);
        fflush(stdout);
        _exit(0);
    }
    wait(0);
    printf("%s\n", q + PAGE);
    status(id);
    SHOW(shmctl(id, SHM_LOCK, 0));
    status(id);
    SHOW(shmctl(id, SHM_UNLOCK, 0));
    d.shm_perm.mode = 01777;
    d.shm_perm.uid = 5;
    d.shm_perm.gid = 6;
    SHOW(shmctl(id, IPC_SET, &d));
    status(id);
    d.shm_perm.uid = -1;
    SHOW(shmctl(id, IPC_SET, &d));
    d.shm_perm.uid = 0;
    SHOW(shmctl(id, IPC_SET, &d));
    SHOW(shmctl(id, IPC_SET, (void *)8));
    SHOW(shmctl(id, IPC_STAT, (void *)8));
    SHOW(shmctl(id, 77, &d));
    SHOW(shmctl(-1, IPC_STAT, &d));
    SHOW(shmctl(id + 32768, IPC_STAT, &d));
    SHOW(shmctl(id, -1, &d));
    struct shminfo i;
    struct shm_info j;
    SHOW(shmctl(0, IPC_INFO, (void *)&i) >= 0);
    printf("%lx %lu %lu %lu %lx\n", i.shmmax, i.shmmin, i.shmmni, i.shmseg, i.shmall);
    SHOW(shmctl(0, SHM_INFO, (void *)&j) >= 0);
    printf("used %d total %d swap %lu\n", j.used_ids > 0, j.shm_tot > 3, j.shm_swp);
    SHOW(shmctl(id & 32767, SHM_STAT, &d) == id);
    SHOW(shmctl(id & 32767, SHM_STAT_ANY, &d) == id);
    SHOW(shmctl(31000, SHM_STAT, &d));
    SHOW(shmctl(id, IPC_RMID, 0));
    status(id);
    SHOW(shmget(KEY, 0, 0));
    SHOW(shmctl(id, IPC_RMID, 0));
    printf("%s\n", p + PAGE);
    char *late = AT(shmat(id, 0, 0));
    printf("%s\n", late + PAGE);
    SHOW(shmdt(late));
    other = shmget(KEY, 100, IPC_CREAT | 0600);
    SHOW(other != id);
    SHOW(shmdt(p));
    status(id);
    SHOW(munmap(q, 4 * PAGE));
    status(id);
    AT(shmat(id, 0, 0));
    SHOW(shmctl(id, IPC_RMID, 0));
    for (n = 0; (p = shmat(other, 0, 0)) != (void *)-1 && n < 50; n++)
        *p = n;
    shmctl(other, IPC_STAT, &d);
    printf("%d attachments %lu\n", n, (unsigned long)d.shm_nattch);
    SHOW(shmctl(other, IPC_RMID, 0));
    status(other);
    SHOW(shmget(IPC_PRIVATE, 4096, SHM_HUGETLB | 0600));
    SHOW(shmget(IPC_PRIVATE, 1UL << 46, 0600));
    id = shmget(IPC_PRIVATE, 1UL << 40, SHM_NORESERVE | 0600);
    SHOW(id >= 0);
    SHOW(shmctl(id, IPC_RMID, 0));
    id = shmget(IPC_PRIVATE, PAGE, 0);
    AT(shmat(id, 0, 0));
    SHOW(shmctl(id, IPC_RMID, 0));
    AT(shmat(id, 0, SHM_EXEC));
    status(id);
    return 0;
}
