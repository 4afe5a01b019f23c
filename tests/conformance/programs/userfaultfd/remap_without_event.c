/* Without EVENT_REMAP a moved mapping is registered no more. needs: userfaultfd */
#include "uffd.h"

int main(void)
{
    struct uffd_msg message;
    uffd = open_uffd(O_NONBLOCK, 0);
    map_at(0, 4, RW);
    REGISTER(AT(0), 4 * PAGE, MISSING | WP);
    ZEROPAGE(AT(0), PAGE, 0);
    COPY(AT(1), AT(0), PAGE, UFFDIO_COPY_MODE_WP);
    printf("mremap %d\n", mremap(AT(0), 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(16)) == AT(16));
    *AT(17) = 1;
    VALUE(AT(16));
    VALUE(AT(17));
    VALUE(AT(18));
    ZEROPAGE(AT(18), PAGE, 0);
    ZEROPAGE(AT(2), PAGE, 0);
    printf("grown %d\n", mremap(AT(2), 2 * PAGE, 4 * PAGE, 0) == AT(2));
    ZEROPAGE(AT(4), 2 * PAGE, 0);
    printf("dontunmap %d\n",
           mremap(AT(2), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, AT(24)) == AT(24));
    ZEROPAGE(AT(24), PAGE, 0);
    ZEROPAGE(AT(2), PAGE, 0);
    SHOW(munmap(AT(2), PAGE));
    ZEROPAGE(AT(2), PAGE, 0);
    SHOW(read(uffd, &message, sizeof message));
    return 0;
}
