/* The system call, UFFDIO_API and its features; what an unready descriptor answers. needs: userfaultfd */
#include "uffd.h"

static void api(int fd, unsigned long version, unsigned long features)
{
    struct uffdio_api api = {version, features, 5};
    int result = ioctl(fd, UFFDIO_API, &api);
    printf("API %#lx %#lx = %s: %#llx %#llx %#llx\n", version, features, result ? errno_name(errno) : "0", api.api,
           api.features, api.ioctls);
}

int main(void)
{
    struct pollfd waiting;
    struct uffd_msg message;
    SHOW(syscall(SYS_userfaultfd, 2));
    SHOW(syscall(SYS_userfaultfd, 4));
    SHOW(syscall(SYS_userfaultfd, 0x400));
    int fd = SHOW(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
    printf("%d %d\n", fcntl(fd, F_GETFD), fcntl(fd, F_GETFL) & O_NONBLOCK);
    waiting = (struct pollfd){fd, POLLIN, 0};
    SHOW(poll(&waiting, 1, 0));
    printf("revents %#x\n", waiting.revents);
    SHOW(read(fd, &message, sizeof message));
    SHOW(write(fd, &message, sizeof message));
    SHOW(ioctl(fd, UFFDIO_REGISTER, &message));
    SHOW(ioctl(fd, UFFDIO_API, 8));
    SHOW(ioctl(fd, 0x1234, 8));
    api(fd, 0xab, 0);
    api(fd, UFFD_API, 1UL << 17);
    api(fd, UFFD_API, 1UL << 63);
    api(fd, UFFD_API, 0);
    api(fd, UFFD_API, 0);
    SHOW(poll(&waiting, 1, 0));
    SHOW(read(fd, &message, sizeof message));
    SHOW(read(fd, &message, 31));
    SHOW(read(fd, &message, 0));
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(pread(fd, &message, 32, 0));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 0));
    SHOW(ioctl(fd, 0xaa77, 8));
    for (int bit = 0; bit < 18; bit++) {
        fd = MUST(syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY));
        api(fd, UFFD_API, 1UL << bit);
        waiting = (struct pollfd){fd, POLLIN, 0};
        poll(&waiting, 1, 0);
        if (waiting.revents != POLLERR)
            printf("revents of a blocking one %#x\n", waiting.revents);
        close(fd);
    }
    return 0;
}
