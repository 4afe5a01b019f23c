/* EVENT_UNMAP and EVENT_REMAP, read by a thread that answers. needs: userfaultfd */
#include "uffd.h"

static void answer(const struct uffd_msg *message)
{
    if (message->event == UFFD_EVENT_PAGEFAULT) {
        struct uffdio_zeropage zero = {{PAGE_OF(message->arg.pagefault.address), PAGE}, 0, 0};
        if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero))
            printf("ZEROPAGE %s\n", errno_name(errno));
    }
}

int main(void)
{
    setbuf(stdout, NULL);
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_REMAP);
    map_at(0, 8, RW);
    REGISTER(AT(0), 8 * PAGE, MISSING);
    start_answering(answer);
    long result = munmap(AT(1), PAGE);
    until_answered(1);
    printf("munmap %ld\n", result);
    result = munmap(AT(0), 3 * PAGE);
    until_answered(2);
    printf("munmap %ld\n", result);
    SHOW(munmap(AT(0), 3 * PAGE));
    char *moved = mremap(AT(4), 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(16));
    until_answered(4);
    printf("mremap %d\n", moved == AT(16));
    VALUE(AT(16));
    VALUE(AT(3));
    moved = mremap(AT(6), 2 * PAGE, PAGE, 0);
    until_answered(7);
    printf("mremap %d\n", moved == AT(6));
    printf("mremap %d\n", mremap(AT(6), PAGE, 3 * PAGE, 0) == AT(6));
    VALUE(AT(8));
    moved = mmap(AT(16), PAGE, RW, ANON | MAP_FIXED, -1, 0);
    until_answered(9);
    printf("over it: %d\n", moved == AT(16));
    VALUE(AT(16));
    VALUE(AT(17));
    moved = mremap(AT(6), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, AT(24));
    until_answered(11);
    printf("dontunmap %d\n", moved == AT(24));
    VALUE(AT(24));
    VALUE(AT(6));
    return 0;
}
