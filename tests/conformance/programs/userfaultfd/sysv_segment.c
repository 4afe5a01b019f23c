/* A segment of System V shared memory cannot be registered: its areas are not those of shmem.
   needs: userfaultfd */
#include "conform.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/shm.h>
int main(void)
{
    int id = shmget(IPC_PRIVATE, 4 * PAGE, 0600), uf = MUST(syscall(SYS_userfaultfd, O_CLOEXEC));
    char *p = shmat(id, 0, 0);
    struct uffdio_api api = {UFFD_API, UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_WP_HUGETLBFS_SHMEM};
    SHOW(shmctl(id, IPC_RMID, 0)); SHOW(ioctl(uf, UFFDIO_API, &api));
    for (int mode = 1; mode < 8; mode++) { struct uffdio_register r = {{(long)p, 4 * PAGE}, mode}; printf("mode %d: ", mode); SHOW(ioctl(uf, UFFDIO_REGISTER, &r)); }
    return 0;
}
