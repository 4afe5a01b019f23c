/* /dev/userfaultfd. needs: userfaultfd */
#include "uffd.h"

#define IOC_NEW _IO(0xAA, 0x00)

int main(void)
{
    struct stat status;
    struct toucher a;
    char buffer[32];
    int device = SHOW(open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
    fstat(device, &status);
    printf("mode %o major %ld\n", status.st_mode, (long)(status.st_rdev >> 8 & 0xfff));
    SHOW(read(device, buffer, 32));
    SHOW(write(device, buffer, 32));
    SHOW(ioctl(device, UFFDIO_API, buffer));
    SHOW(ioctl(device, IOC_NEW, 4));
    SHOW(ioctl(device, IOC_NEW, 2));
    int fd = SHOW(ioctl(device, IOC_NEW, O_CLOEXEC | O_NONBLOCK));
    SHOW(fcntl(fd, F_GETFD));
    struct uffdio_api api = {.api = UFFD_API};
    SHOW(ioctl(fd, UFFDIO_API, &api));
    uffd = fd;
    map_at(0, 2, RW);
    REGISTER(AT(0), 2 * PAGE, MISSING);
    start_touch(&a, AT(0), 0);
    show_message(uffd);
    close(device);
    ZEROPAGE(AT(0), PAGE, 0);
    finish_touch(&a);
    SHOW(ioctl(device, IOC_NEW, 0));
    return 0;
}
