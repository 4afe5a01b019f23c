/* What /proc/self/fd and cwd say of files and directories that were renamed, moved along, removed. On the host, in RAM. */
#include "conform.h"

static void show(const char *link)
{
    char text[300];
    ssize_t n = readlink(link, text, 299);
    text[n < 0 ? 0 : n] = 0;
    printf("%s: %s\n", link, strstr(text, "/zz") ? strstr(text, "/zz") : "-");
}

static void names(void)
{
    MUST(mkdir("zz", 0700)), MUST(mkdir("zz/d", 0700));
    int fd = MUST(dup2(open("zz/d/a", O_RDWR | O_CREAT, 0600), 20)), dir = MUST(dup2(open("zz/d", O_RDONLY), 21)), other;
    show("/proc/self/fd/20"), show("/proc/self/fd/21");
    MUST(rename("zz/d/a", "zz/d/b")), show("/proc/self/fd/20"), MUST(rename("zz/d", "zz/e")), show("/proc/self/fd/20"), show("/proc/self/fd/21");
    close(MUST(open("zz/e/c", O_CREAT, 0600))), MUST(dup2(open("zz/e/c", O_RDONLY), 22));
    MUST(renameat2(AT_FDCWD, "zz/e/b", AT_FDCWD, "zz/e/c", RENAME_EXCHANGE)), show("/proc/self/fd/20"), show("/proc/self/fd/22");
    MUST(rename("zz/e/c", "zz/e/b")), show("/proc/self/fd/20"), show("/proc/self/fd/22"), MUST(unlink("zz/e/b")), show("/proc/self/fd/20");
    other = MUST(dup2(open("/proc/self/fd/20", O_RDWR), 23)), SHOW(write(other, "x", 1)), show("/proc/self/fd/23"), MUST(rmdir("zz/e")), show("/proc/self/fd/21");
    MUST(chdir("zz")), show("/proc/self/cwd"), MUST(rename("../zz", "../zz2")), show("/proc/self/cwd"), MUST(rmdir("../zz2")), show("/proc/self/cwd"), MUST(chdir(".."));
    for (int i = 20; i < 24; i++)
        close(i);
}

int main(void)
{
    names();
    mkdir("/dev/shm/pffemu-names", 0700), MUST(chdir("/dev/shm/pffemu-names"));
    names();
    SHOW(rmdir("/dev/shm/pffemu-names"));
    return 0;
}
