/* /dev/null, zero, full and urandom; /proc/self. */
#include "conform.h"

int main(void)
{
    char buffer[64];
    struct stat status;
    int null = SHOW(open("/dev/null", O_RDWR)), zero = SHOW(open("/dev/zero", O_RDWR));
    int full = SHOW(open("/dev/full", O_RDWR)), random = SHOW(open("/dev/urandom", O_RDONLY));
    SHOW(read(null, buffer, 64));
    SHOW(write(null, buffer, 64));
    SHOW(read(zero, buffer, 64));
    SHOW(write(zero, buffer, 64));
    SHOW(read(full, buffer, 64));
    SHOW(write(full, buffer, 64));
    SHOW(read(random, buffer, 64));
    SHOW(read(zero, (void *)8, 64));
    SHOW(write(null, (void *)8, 64));
    SHOW(lseek(zero, 5, SEEK_SET) >= 0);
    MUST(fstat(null, &status));
    printf("%o %lx\n", status.st_mode, (long)status.st_rdev);
    MUST(stat("/dev/zero", &status));
    printf("%o %lx\n", status.st_mode, (long)status.st_rdev);
    SHOW(open("/dev/null", O_RDONLY | O_DIRECTORY));
    SHOW(open("/dev/null/x", O_RDONLY));
    SHOW(open("/dev/null", O_CREAT | O_RDWR, 0600) > 2);
    int maps = MUST(open("/proc/self/maps", O_RDONLY));
    static char text[20000];
    long n, total = 0;
    while ((n = read(maps, text + total, 500)) > 0)
        total += n;
    printf("maps: stack %s, heap or more %s\n", strstr(text, "[stack]") ? "there" : "missing", total > 200 ? "there" : "missing");
    SHOW(readlink("/proc/self/exe", buffer, sizeof buffer) > 0);
    SHOW(open("/proc/self/none", O_RDONLY));
    FILE *command = fopen("/proc/self/comm", "r");
    printf("comm %d\n", fgets(buffer, sizeof buffer, command) != NULL);
    return 0;
}
