/* process_vm_readv and process_vm_writev on the calling process: lists, partial transfers, errors. */
#include "pages.h"

static char here[3 * PAGE];

static long readv_(struct iovec *local, int locals, struct iovec *remote, int remotes)
{
    return process_vm_readv(getpid(), local, locals, remote, remotes, 0);
}

int main(void)
{
    map_at(0, 3, RW);
    strcpy(AT(0), "first page");
    strcpy(AT(1), "second page");
    struct iovec whole = {here, sizeof here}, one = {AT(0), 2 * PAGE}, holes = {AT(2), 3 * PAGE};
    SHOW(readv_(&whole, 1, &one, 1));
    printf("%s, %s\n", here, here + PAGE);
    SHOW(readv_(&whole, 1, &holes, 1));
    struct iovec local[3] = {{here, 3}, {here + 100, 0}, {here + 200, 20}};
    struct iovec remote[3] = {{AT(0) + 6, 4}, {AT(1), 6}, {AT(20), 5}};
    memset(here, 0, sizeof here);
    SHOW(readv_(local, 3, remote, 2));
    printf("%s|%s\n", here, here + 200);
    SHOW(readv_(local, 3, remote, 3));
    SHOW(readv_(local, 0, remote, 3));
    SHOW(readv_(local, 3, remote, 0));
    SHOW(readv_(&whole, 1, remote + 2, 1));
    SHOW(process_vm_writev(getpid(), local, 3, remote, 2, 0));
    printf("%s|%s\n", AT(0), AT(1));
    mprotect(AT(1), PAGE, PROT_READ);
    SHOW(process_vm_writev(getpid(), local, 3, remote, 2, 0));
    SHOW(process_vm_writev(getpid(), &whole, 1, remote + 1, 1, 0));
    SHOW(process_vm_readv(getpid(), local, 1, remote, 1, 1));
    SHOW(process_vm_readv(getpid(), (void *)8, 1, remote, 1, 0));
    SHOW(process_vm_readv(getpid(), local, 1, (void *)8, 1, 0));
    SHOW(process_vm_readv(getpid(), local, 2000, remote, 1, 0));
    SHOW(process_vm_readv(getpid(), local, 1, remote, 2000, 0));
    SHOW(process_vm_readv(4000000, local, 1, remote, 1, 0));
    struct iovec wild = {(void *)(1UL << 47), 8}, endless = {AT(0), 1UL << 63};
    SHOW(readv_(&wild, 1, remote, 1));
    SHOW(readv_(local, 1, &wild, 1));
    SHOW(readv_(&endless, 1, remote, 1));
    SHOW(readv_(local, 1, &endless, 1));
    return 0;
}
