/* memfd seals: what they forbid, and when they can be set. */
#include "pages.h"

int main(void)
{
    int plain = MUST(memfd_create("plain", 0)), fd = MUST(memfd_create("sealed", MFD_ALLOW_SEALING));
    SHOW(fcntl(plain, F_GET_SEALS));
    SHOW(fcntl(plain, F_ADD_SEALS, F_SEAL_GROW));
    SHOW(fcntl(fd, F_GET_SEALS));
    SHOW(fcntl(0, F_GET_SEALS));
    SHOW(fcntl(fd, F_ADD_SEALS, 0x1000));
    SHOW(ftruncate(fd, 2 * PAGE));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    SHOW(ftruncate(fd, 3 * PAGE));
    SHOW(pwrite(fd, "x", 1, 2 * PAGE));
    SHOW(pwrite(fd, "x", 1, 0));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    SHOW(ftruncate(fd, PAGE));
    SHOW(ftruncate(fd, 2 * PAGE));
    MUST(mmap(AT(0), PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    SHOW(munmap(AT(0), PAGE));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(pwrite(fd, "x", 1, 0));
    SHOW(fallocate(fd, 3, 0, PAGE));
    SHOW_POINTER(mmap(AT(0), PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    SHOW_POINTER(mmap(AT(0), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
    SHOW(mprotect(AT(0), PAGE, RW));
    SHOW_POINTER(mmap(AT(1), PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0));
    *AT(1) = 5;
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    SHOW(fcntl(fd, F_GET_SEALS));
    return 0;
}
