/* /proc/locks: record locks, locks of open files and of flock, leases, and the requests that wait. */
#include "conform.h"
#include <sys/file.h>
#include <sys/wait.h>

static unsigned long inode;

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The lines about the file, sorted, with "me" and "child" for numbers. */
static void show(const char *when, int child)
{
    static char found[32][200];
    char line[256], type[16], kind[16], access[16], start[24], end[24];
    int count = 0;
    FILE *f = fopen("/proc/locks", "r");
    while (fgets(line, sizeof line, f)) {
        char *arrow = strstr(line, "-> "), *rest = strchr(line, ':') + 1;
        int pid;
        unsigned major, minor;
        unsigned long number;
        if (sscanf(arrow ? arrow + 3 : rest, "%15s %15s %15s %d %x:%x:%lu %23s %23s", type, kind, access, &pid, &major, &minor, &number, start, end) != 9)
            printf("odd: %s", line);
        if (number == inode)
            snprintf(found[count++], 200, "%s%.*s %s %s-%s", arrow ? "-> " : "", (int)(strpbrk(arrow ? arrow : rest + 1, "WRU") + 5 - (arrow ? arrow + 3 : rest + 1)), arrow ? arrow + 3 : rest + 1,
                     pid == -1 ? "-1" : pid == getpid() ? "me" : pid == child ? "child" : "?", start, end);
    }
    fclose(f);
    qsort(found, count, 200, compare);
    printf("%s: %d\n", when, count);
    for (int i = 0; i < count; i++)
        printf("  %s\n", found[i]);
}

int main(void)
{
    int fd = MUST(open("locked", O_RDWR | O_CREAT, 0600));
    struct stat st;
    fstat(fd, &st);
    inode = st.st_ino;
    struct flock all = {F_WRLCK, SEEK_SET, 0, 0}, part = {F_RDLCK, SEEK_SET, 100, 20};
    show("none", 0);
    MUST(fcntl(fd, F_SETLK, &part));
    part.l_start = 300, part.l_type = F_WRLCK;
    MUST(fcntl(fd, F_SETLK, &part));
    show("two records", 0);
    int other = MUST(open("locked", O_RDWR));
    struct flock of_file = {F_RDLCK, SEEK_SET, 1000, 0};
    MUST(fcntl(other, F_OFD_SETLK, &of_file));
    MUST(flock(other, LOCK_SH));
    show("and an open file's", 0);
    int ready[2];
    pipe(ready);
    pid_t child = fork();
    if (!child) {
        int mine = open("locked", O_RDWR);
        write(ready[1], "r", 1);
        fcntl(mine, F_SETLKW, &all);
        _exit(0);
    }
    char byte;
    read(ready[0], &byte, 1);
    usleep(100000);
    show("a child waits", child);
    of_file.l_type = F_UNLCK;
    fcntl(other, F_OFD_SETLK, &of_file), flock(other, LOCK_UN);
    close(other), close(fd);
    waitpid(child, NULL, 0);
    fd = MUST(open("locked", O_RDONLY));
    MUST(fcntl(fd, F_SETLEASE, F_RDLCK));
    show("a lease", 0);
    return 0;
}
