/* Mapped files: private copies, shared stores that read sees and write reaches, the end of the file, rights. */
#include "conform.h"
#include <setjmp.h>
#include <sys/wait.h>

static sigjmp_buf back;
static void fault(int number, siginfo_t *info, void *context) { siglongjmp(back, number * 100 + info->si_code); }

static void touch(const char *what, volatile char *at, int store)
{
    int got = sigsetjmp(back, 1);
    if (got)
        printf("%s: signal %d code %d\n", what, got / 100, got % 100);
    else {
        char c = store ? (*at = 'T') : *at;
        printf("%s: '%c'\n", what, c ? c : '0');
    }
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL), sigaction(SIGBUS, &action, NULL);
    char buffer[32] = {0};
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0600)), reader = MUST(open("f", O_RDONLY));
    int writer = MUST(open("f", O_WRONLY));
    MUST(ftruncate(fd, 5000));
    MUST(pwrite(fd, "content", 7, 0));
    char *shared = SHOW_POINTER(mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    char *private = SHOW_POINTER(mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ, MAP_SHARED, writer, 0));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, writer, 0));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 100));
    char *read_only = SHOW_POINTER(mmap(0, PAGE, PROT_READ, MAP_SHARED, reader, 0));
    SHOW(mprotect(read_only, PAGE, PROT_READ | PROT_WRITE));
    printf("%.7s %.7s %.7s\n", shared, private, read_only);
    memcpy(shared, "STORED!", 7);
    SHOW(pread(reader, buffer, 7, 0));
    printf("%s %.7s %.7s\n", buffer, private, read_only);
    memcpy(private, "mine", 4);
    SHOW(pread(reader, buffer, 7, 0));
    printf("%s %.7s %.7s\n", buffer, private, shared);
    SHOW(pwrite(fd, "written", 7, 4090));
    printf("%.7s\n", shared + 4090);
    touch("behind the end, same page", shared + 5000, 0);
    touch("beyond the last page", shared + 2 * PAGE, 0);
    touch("beyond, private", private + 2 * PAGE - 1, 1);
    SHOW(ftruncate(fd, 100));
    touch("cut off, shared", shared + PAGE, 0);
    touch("cut off, private", private + PAGE, 0);
    touch("still there", shared + 50, 1);
    touch("read-only", read_only, 1);
    SHOW(ftruncate(fd, 3 * PAGE));
    touch("grown again", shared + 2 * PAGE, 1);
    SHOW(msync(shared, 3 * PAGE, MS_SYNC));
    close(fd), close(reader), close(writer);
    strcpy(shared + 200, "after close");
    if (fork() == 0) {
        strcpy(shared + 300, "from a child");
        strcpy(private + 300, "not seen");
        _exit(0);
    }
    wait(NULL);
    printf("%s, %s\n", shared + 300, private + 300);
    SHOW(munmap(shared, 3 * PAGE));
    fd = MUST(open("f", O_RDONLY));
    SHOW(pread(fd, buffer, 12, 200));
    puts(buffer);
    SHOW(pread(fd, buffer, 1, 2 * PAGE));
    printf("%c\n", buffer[0]);
    MUST(unlink("f"));
    touch("unlinked", private, 0);
    return 0;
}
