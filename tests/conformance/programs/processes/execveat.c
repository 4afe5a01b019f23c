/* execveat: from a directory, of an open file, of a memfd, of scripts; its flags and errors; AT_EXECVE_CHECK. */
#include "conform.h"
#include <sys/auxv.h>
#include <sys/prctl.h>

static int at(int dir, const char *path, char **args, int flags)
{
    char *none[] = {0};
    return syscall(322, dir, path, args, none, flags);
}
static void make(const char *path, const char *text, int mode)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0700);
    write(fd, text, strlen(text)), fchmod(fd, mode), close(fd);
}
static void run(const char *what, int dir, const char *path, char **args, int flags)
{
    int st;
    fflush(stdout);
    if (!fork()) {
        at(dir, path, args, flags);
        printf("%s: %s\n", what, strerror(errno)), fflush(stdout);
        _exit(9);
    }
    wait(&st);
    printf("%s: status %d\n", what, WEXITSTATUS(st));
}
static int copy(const char *from, int to)
{
    char b[65536];
    int fd = open(from, O_RDONLY);
    for (ssize_t n; (n = read(fd, b, sizeof b)) > 0;)
        write(to, b, n);
    return close(fd);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        char comm[20], exe[100] = "";
        prctl(PR_GET_NAME, comm);
        readlink("/proc/self/exe", exe, 99);
        char *fn = (char *)getauxval(AT_EXECFN), *file = strrchr(exe, '/');
        printf("  argc %d execfn %s comm %s exe %s\n", argc, fn, comm,
               *fn == '/' && fn[1] == 'p'  ? "of the test"
               : strncmp(file, "/prog", 5) ? file
                                           : "prog");
        return argc;
    }
    char *args[] = {"name", "one", 0};
    int here, fd, m;
    mkdir("dir", 0700), symlink("prog", "dir/link");
    fd = open("dir/prog", O_CREAT | O_WRONLY, 0700), copy("/proc/self/exe", fd), close(fd);
    here = open("dir", O_RDONLY | O_DIRECTORY), fd = open("dir/prog", O_RDONLY);
    m = syscall(SYS_memfd_create, "mem", 0), copy("dir/prog", m);
    make("dir/script", "#!dir/prog -x\n", 0700), make("dir/data", "data", 0600),
        make("dir/text", "text", 0700);
    SHOW(at(AT_FDCWD, "", args, 0));
    SHOW(at(AT_FDCWD, "", args, AT_EMPTY_PATH));
    SHOW(at(here, "", args, AT_EMPTY_PATH));
    SHOW(at(here, "prog", args, 0x2000));
    SHOW(at(99, "prog", args, 0));
    SHOW(at(fd, "prog", args, 0));
    SHOW(at(here, "none", args, 0));
    SHOW(at(here, "link", args, AT_SYMLINK_NOFOLLOW));
    SHOW(at(here, "data", args, 0));
    SHOW(at(here, "text", args, 0));
    SHOW(at(here, (void *)8, args, 0));
    SHOW(at(here, "prog", (void *)8, 0));
    SHOW(at(here, "prog", args, 0x10000));
    SHOW(at(here, "data", args, 0x10000));
    SHOW(at(here, "text", args, 0x10000));
    SHOW(at(here, "none", args, 0x10000));
    SHOW(at(m, "", args, 0x10000 | AT_EMPTY_PATH));
    run("absolute", 99, "/proc/self/exe", args, 0);
    run("current", AT_FDCWD, "dir/prog", args, 0);
    run("directory", here, "prog", args, 0);
    run("link", here, "link", args, 0);
    run("file", fd, "", args, AT_EMPTY_PATH);
    run("memfd", m, "", args, AT_EMPTY_PATH);
    run("script", here, "script", args, 0);
    fcntl(here, F_SETFD, FD_CLOEXEC), fcntl(fd, F_SETFD, FD_CLOEXEC);
    run("script behind a descriptor that closes", here, "script", args, 0);
    run("program behind one", here, "prog", args, 0);
    run("program itself", fd, "", args, AT_EMPTY_PATH);
    unlink("dir/prog");
    fexecve(fd, args, args + 2);
    printf("fexecve: %s\n", strerror(errno));
    return 0;
}
