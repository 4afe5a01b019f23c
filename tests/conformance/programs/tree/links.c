/* Symbolic links: relative, absolute, chained, to directories, forty deep, with dots. */
#include "conform.h"

static void try(const char *path)
{
    char buffer[20] = {0};
    int fd = open(path, O_RDONLY);
    printf("%s: ", path);
    if (fd < 0)
        printf("%s\n", errno_name(errno));
    else
        printf("%ld %s\n", (long)read(fd, buffer, 19), buffer);
    close(fd);
}

int main(void)
{
    MUST(mkdir("a", 0755)), MUST(mkdir("a/b", 0755));
    int fd = MUST(open("a/b/file", O_CREAT | O_WRONLY, 0644));
    write(fd, "found", 5);
    MUST(symlink("a/b", "to_b")), MUST(symlink("../..", "a/b/up")), MUST(symlink("b/file", "a/to_file"));
    MUST(symlink(".", "here")), MUST(symlink("to_b/up/to_b/file", "winding")), MUST(symlink("a/to_file/", "slash"));
    try("to_b/file"), try("a/to_file"), try("to_b/up/a/b/file"), try("here/here/./here/to_b/../b/file");
    try("winding"), try("slash"), try("a/to_file/x"), try("to_b/../file"), try("a//b///file");
    char name[20], target[20] = "to_b";
    for (int i = 0; i < 45; i++) {
        snprintf(name, sizeof name, "chain%d", i);
        MUST(symlink(target, name));
        strcpy(target, name);
        if (i > 35) {
            strcat(name, "/file");
            try(name);
        }
    }
    try("../../../../../../../../../../none_such_file");
    return 0;
}
