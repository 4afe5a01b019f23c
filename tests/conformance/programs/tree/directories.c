/* Making, listing, renaming and removing directories and files; the current directory. */
#include "conform.h"
#include <dirent.h>

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void list(const char *path)
{
    char *names[50], *types = "";
    int count = 0;
    DIR *directory = opendir(path);
    if (!directory) {
        printf("%s: %s\n", path, errno_name(errno));
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory)) && count < 50;) {
        char text[300];
        snprintf(text, sizeof text, "%s(%d)", entry->d_name, entry->d_type);
        names[count++] = strdup(text);
    }
    closedir(directory);
    qsort(names, count, sizeof *names, by_name);
    printf("%s:", path);
    for (int i = 0; i < count; i++)
        printf(" %s", names[i]);
    printf("\n");
}

int main(void)
{
    char buffer[100];
    umask(022);
    SHOW(mkdir("d", 0777));
    SHOW(mkdir("d", 0777));
    SHOW(mkdir("d/e", 0700));
    SHOW(mkdir("x/y", 0700));
    SHOW(mkdir("d/e/", 0700));
    SHOW(mkdir("d/new/", 0700));
    close(MUST(open("d/file", O_CREAT | O_WRONLY, 0666)));
    SHOW(symlink("file", "d/link"));
    SHOW(symlink("file", "d/link"));
    SHOW(symlink("", "d/empty"));
    SHOW(link("d/file", "d/hard"));
    SHOW(link("d", "d2"));
    SHOW(link("d/none", "d2"));
    struct stat status;
    MUST(stat("d/hard", &status));
    printf("%o %ld %ld\n", status.st_mode, (long)status.st_nlink, (long)status.st_size);
    MUST(lstat("d/link", &status));
    printf("%o %ld\n", status.st_mode, (long)status.st_size);
    MUST(stat("d", &status));
    printf("%o\n", status.st_mode);
    SHOW(readlink("d/link", buffer, 100));
    SHOW(readlink("d/link", buffer, 2));
    SHOW(readlink("d/link", buffer, 0));
    SHOW(readlink("d/file", buffer, 100));
    SHOW(readlink("none", buffer, 100));
    list("d");
    list("none"), list("d/file");
    SHOW(rename("d/file", "d/moved"));
    SHOW(rename("d/none", "d/moved"));
    SHOW(rename("d/e", "d/moved"));
    SHOW(rename("d/moved", "d/e"));
    SHOW(rename("d/hard", "d/moved"));
    SHOW(rename("d", "d/e/inside"));
    SHOW(renameat2(AT_FDCWD, "d/moved", AT_FDCWD, "d/link", RENAME_NOREPLACE));
    SHOW(rename("d/moved", "d/slash/"));
    SHOW(rename("d/new", "d/e"));
    list("d");
    SHOW(rmdir("d"));
    SHOW(rmdir("d/moved"));
    SHOW(rmdir("none"));
    SHOW(rmdir("."));
    SHOW(rmdir("d/.."));
    SHOW(unlink("d"));
    SHOW(unlink("d/moved/"));
    SHOW(unlink("d/link"));
    SHOW(unlinkat(AT_FDCWD, "d/e", AT_REMOVEDIR));
    SHOW(unlinkat(AT_FDCWD, "d/e", 0x1000000));
    SHOW(chdir("d"));
    list(".");
    SHOW(strcmp(strrchr(getcwd(buffer, sizeof buffer), '/'), "/d"));
    SHOW(syscall(SYS_getcwd, buffer, 2));
    SHOW(syscall(SYS_getcwd, buffer, 0));
    SHOW(unlink("moved"));
    SHOW(chdir("moved"));
    SHOW(chdir(".."));
    SHOW(chdir("d/none"));
    SHOW(rmdir("d/"));
    list(".");
    SHOW(umask(0));
    close(MUST(open("free", O_CREAT | O_WRONLY, 0666)));
    MUST(stat("free", &status));
    printf("%o\n", status.st_mode);
    SHOW(chmod("free", 0111));
    SHOW(access("free", X_OK));
    SHOW(access("free", R_OK));
    SHOW(chmod("free", 0));
    SHOW(access("free", X_OK));
    SHOW(access("free", 8));
    SHOW(access("none", F_OK));
    SHOW(chmod("none", 0));
    return 0;
}
