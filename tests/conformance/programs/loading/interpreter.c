/* Programs whose interpreter (PT_INTERP) is missing, none, a script, the program itself; programs cut off, and shared objects.
   linked: dynamic */
#include "conform.h"
#include <elf.h>

static char image[1 << 20];
static long size;
static Elf64_Ehdr *file(void) { return (Elf64_Ehdr *)image; }
static Elf64_Phdr *header(unsigned type)
{
    Elf64_Phdr *p = (Elf64_Phdr *)(image + file()->e_phoff);
    for (int i = 0; i < file()->e_phnum; i++)
        if (p[i].p_type == type) return p + i;
    return 0;
}
static void put(const char *path, const char *data, long n, int mode)
{
    unlink(path);
    int fd = open(path, O_CREAT | O_WRONLY, 0700);
    write(fd, data, n), fchmod(fd, mode), close(fd);
}
static void run(const char *what)
{
    char *args[] = {"prog", "again", 0}, *none[] = {0};
    int st;
    put("prog", image, size, 0700), fflush(stdout);
    if (!fork()) {
        execve("./prog", args, none);
        printf("%s: %s\n", what, strerror(errno)), fflush(stdout);
        _exit(9);
    }
    wait(&st);
    printf("%s: ", what), WIFSIGNALED(st) ? printf("signal %d\n", WTERMSIG(st)) : printf("status %d\n", WEXITSTATUS(st));
}
static void interpreter(const char *path)
{
    char *at = image + header(PT_INTERP)->p_offset;
    memset(at, 0, header(PT_INTERP)->p_filesz), strcpy(at, path), header(PT_INTERP)->p_filesz = strlen(path) + 1;
    run(path);
}

int main(int argc, char **argv)
{
    if (argc > 1) { printf("  again, %d arguments\n", argc), fflush(stdout); return argc; }
    static char whole[1 << 20];
    int fd = open("/proc/self/exe", O_RDONLY);
    size = read(fd, whole, sizeof whole), close(fd);
#define RESET memcpy(image, whole, size)
    RESET; run("as it is");
    put("script", "#!/bin/true\n", 12, 0700), put("text", "text", 4, 0700), put("data", "data", 4, 0600), put("empty", "", 0, 0700), mkdir("dir", 0700);
    put("cut", whole, 40, 0700), symlink("/lib64/ld-linux-x86-64.so.2", "link");
    RESET, interpreter("/none"); RESET, interpreter("/"); RESET, interpreter("./dir"); RESET, interpreter("./script"); RESET, interpreter("./text");
    char lines[200]; memset(lines, '\n', 200), put("lines", lines, 200, 0700); RESET, interpreter("./lines");
    RESET, interpreter("./data"); RESET, interpreter("./empty"); RESET, interpreter("./cut"); RESET, interpreter("./link"); RESET, interpreter("");
    RESET, header(PT_INTERP)->p_filesz = 1, run("one byte");
    RESET, header(PT_INTERP)->p_filesz = 5000, run("too long");
    RESET, image[header(PT_INTERP)->p_offset + header(PT_INTERP)->p_filesz - 1] = 'x', run("without an end");
    RESET, file()->e_type = ET_REL, run("relocatable"); RESET, file()->e_type = ET_CORE, run("core"); RESET, file()->e_machine = EM_386, run("i386");
    RESET, file()->e_phentsize = 32, run("other headers"); RESET, file()->e_phnum = 0, run("no headers");
    RESET, file()->e_ident[EI_MAG0] = 0, run("no magic");
    return 0;
}
