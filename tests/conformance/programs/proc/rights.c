/* Who may use the files of /proc/PID: the owner, another process of the same user, a user and root's process; dumpable. */
#include "conform.h"
#include <grp.h>
#include <sys/prctl.h>

static const char *names[] = {
    "stat", "statm", "status", "maps", "smaps", "smaps_rollup", "cmdline", "auxv", "comm", "mem", "pagemap", "io", "wchan",
    "syscall", "personality", "limits", "sched", "schedstat", "oom_score_adj", "oom_score", "timerslack_ns", "coredump_filter",
    "clear_refs", "mounts", "mountinfo", "mountstats", "numa_maps", "fd", "fd/0", "fdinfo", "fdinfo/0", "task", "cwd", "exe",
    "cgroup", "loginuid", "uid_map", "environ"};

static const char *outcome(long result)
{
    return result < 0 ? errno_name(errno) : result ? "yes" : "nothing";
}

static void show(const char *directory)
{
    char path[64], buffer[64];
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        if (lstat(path, &status)) {
            printf("%s: %s\n", names[i], errno_name(errno));
            continue;
        }
        printf("%s: %o user %d", names[i], status.st_mode, status.st_uid);
        if (S_ISLNK(status.st_mode)) {
            printf(", link %s\n", outcome(readlink(path, buffer, sizeof buffer)));
            continue;
        }
        int fd = open(path, O_RDONLY);
        printf(", read %s", fd < 0 ? errno_name(errno) : "opens");
        if (fd >= 0 && S_ISREG(status.st_mode) && strcmp(names[i], "environ"))
            printf(" %s", outcome(read(fd, buffer, 16)));
        if (S_ISREG(status.st_mode)) {
            fd = open(path, O_WRONLY);
            printf(", write %s", fd < 0 ? errno_name(errno) : "opens");
            if (fd >= 0 && strcmp(names[i], "clear_refs") && strcmp(names[i], "mem"))
                printf(" %s", outcome(write(fd, "5", 1)));
        }
        printf("\n");
        close(fd);
    }
}

static void become(int user)
{
    MUST(setgroups(0, NULL));
    MUST(setresgid(user, user, user));
    MUST(setresuid(user, user, user));
}

static int start(int user, int *ends)
{
    int child = fork(), byte;
    if (!child) {
        if (user) {
            become(user);
            prctl(PR_SET_DUMPABLE, 1);
        }
        close(ends[1]);
        read(ends[0], &byte, 1);
        _exit(0);
    }
    return child;
}

int main(void)
{
    char directory[32];
    int ends[2];
    setvbuf(stdout, NULL, _IONBF, 0);
    MUST(pipe(ends));
    MUST(chdir("/proc"));
    int same = start(1000, ends), root = start(0, ends);
    usleep(20000);
    become(1000);
    SHOW(prctl(PR_GET_DUMPABLE));
    show("self");
    MUST(prctl(PR_SET_DUMPABLE, 1));
    printf("-- dumpable\n");
    show("self");
    printf("-- another process of the user\n");
    snprintf(directory, sizeof directory, "%d", same);
    show(directory);
    printf("-- root's process\n");
    snprintf(directory, sizeof directory, "%d", root);
    show(directory);
    SHOW(open("sys/vm/swappiness", O_WRONLY));
    SHOW(open("meminfo", O_RDONLY) > 2);
    SHOW(open("meminfo", O_WRONLY));
    kill(same, SIGKILL);
    close(ends[1]);
    return 0;
}
