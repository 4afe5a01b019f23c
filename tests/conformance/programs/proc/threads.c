/* /proc/self/task and other processes in /proc: names, states, zombies, files that outlive their process. */
#include "conform.h"
#include <dirent.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static char path[128], text[8192];

static const char *contents(const char *format, int one, int two)
{
    snprintf(path, sizeof path, format, one, two);
    int fd = open(path, O_RDONLY);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    snprintf(text + (size < 0 ? 0 : size), 64, "%s", size < 0 ? errno_name(errno) : "");
    if (fd >= 0)
        close(fd);
    return text;
}

static void line(const char *format, int one, int two, const char *key)
{
    contents(format, one, two);
    char *at = strstr(text, key);
    printf("%s\n", at ? strndup(at, strcspn(at, "\n")) : "no such line");
}

static int count(const char *format, int one)
{
    int entries = 0;
    snprintf(path, sizeof path, format, one);
    DIR *directory = opendir(path);
    if (!directory)
        return -errno;
    for (struct dirent *entry; (entry = readdir(directory));)
        entries += entry->d_name[0] != '.';
    closedir(directory);
    return entries;
}

static int put(const char *format, int one, int two, const char *what)
{
    snprintf(path, sizeof path, format, one, two);
    int fd = open(path, O_WRONLY), result = fd < 0 ? -1 : write(fd, what, strlen(what));
    int saved = errno;
    close(fd), errno = saved;
    return result;
}

static int ends[2], tid;
static volatile int stage;

static void *body(void *argument)
{
    char byte;
    tid = gettid();
    stage = 1;
    return (void *)read(ends[0], &byte, 1);
}

static char state(const char *format, int one, int two, char wanted)
{
    for (int i = 0; i < 1000; i++) {
        contents(format, one, two);
        if (strrchr(text, ')') && strrchr(text, ')')[2] == wanted)
            break;
        usleep(1000);
    }
    return strrchr(text, ')') ? strrchr(text, ')')[2] : '?';
}

int main(void)
{
    pthread_t thread;
    struct stat status;
    char name[64];
    int self = getpid();
    MUST(prctl(PR_SET_NAME, "the leader"));
    MUST(pipe(ends));
    pthread_create(&thread, NULL, body, NULL);
    while (!stage)
        usleep(100);
    printf("state of the thread %c, own %c\n", state("/proc/self/task/%d/stat", tid, 0, 'S'), state("/proc/self/stat", 0, 0, 'R'));
    while (!strcmp(contents("/proc/%d/task/%d/wchan", self, tid), "0"))
        usleep(1000);
    printf("wchan %d, own %s\n", strstr(text, "pipe_read") != NULL, contents("/proc/self/wchan", 0, 0));
    SHOW(count("/proc/self/task", 0));
    MUST(stat("/proc/self/task", &status));
    printf("links %ld, of /proc/self/fd %d\n", (long)status.st_nlink, stat("/proc/self/fd", &status) ? -1 : (int)status.st_nlink);
    SHOW(put("/proc/self/task/%d/comm", tid, 0, "worker\n"));
    SHOW(put("/proc/%d/comm", tid, 0, "a name longer than sixteen"));
    printf("%s", contents("/proc/self/task/%d/comm", tid, 0));
    pthread_setname_np(thread, "by glibc");
    pthread_getname_np(thread, name, sizeof name);
    printf("%s, leader %s", name, contents("/proc/self/comm", 0, 0));
    SHOW(put("/proc/self/comm", 0, 0, "with) space\\x"));
    line("/proc/self/status", 0, 0, "Name:");
    printf("stat's name %d\n", strstr(contents("/proc/self/stat", 0, 0), "(with) space\\x) R ") != NULL);
    SHOW(put("/proc/self/comm", 0, 0, "with\nnewline"));
    line("/proc/self/status", 0, 0, "Name:");
    MUST(prctl(PR_GET_NAME, name));
    printf("prctl: %s\n", name);
    line("/proc/%d/status", tid, 0, "Threads:");
    printf("pid of the thread's status %d, group %d\n", strstr(text, "\nPid:") && atoi(strstr(text, "\nPid:") + 5) == tid,
           atoi(strstr(text, "\nTgid:") + 6) == self);
    SHOW(open("/proc/self/task/999999", O_RDONLY));
    snprintf(path, sizeof path, "/proc/%d/task", tid);
    SHOW(count("/proc/%d/task", tid));
    SHOW(readlink("/proc/self", name, sizeof name) > 0 && atoi(name) == self);
    int size = readlink("/proc/thread-self", name, sizeof name - 1);
    name[size] = 0;
    snprintf(path, sizeof path, "%d/task/%d", self, self);
    printf("thread-self %d\n", !strcmp(name, path));
    SHOW(put("/proc/self/oom_score_adj", 0, 0, "500"));
    printf("%s", contents("/proc/self/oom_score_adj", 0, 0));
    printf("%s", contents("/proc/self/oom_adj", 0, 0));
    SHOW(put("/proc/self/oom_score_adj", 0, 0, "1001"));
    SHOW(put("/proc/self/oom_score_adj", 0, 0, "many"));
    SHOW(put("/proc/self/timerslack_ns", 0, 0, "70000"));
    SHOW(prctl(PR_GET_TIMERSLACK));
    SHOW(put("/proc/self/coredump_filter", 0, 0, "0x7f"));
    printf("%s", contents("/proc/self/coredump_filter", 0, 0));
    SHOW(put("/proc/self/stat", 0, 0, "x"));
    SHOW(put("/proc/self/clear_refs", 0, 0, "1"));
    SHOW(put("/proc/self/clear_refs", 0, 0, "9"));
    SHOW(open("/proc/self/clear_refs", O_RDONLY) > 2);
    SHOW(truncate("/proc/self/comm", 0));
    SHOW(unlink("/proc/self/comm"));
    SHOW(rmdir("/proc/self/task"));
    SHOW(mkdir("/proc/self/new", 0700));

    printf("-- another process\n");
    fflush(stdout);
    int pipe_of_child[2];
    MUST(pipe(pipe_of_child));
    int child = fork();
    if (!child) {
        char byte;
        close(pipe_of_child[1]);
        chdir("/tmp");
        prctl(PR_SET_NAME, "the child");
        read(pipe_of_child[0], &byte, 1);
        _exit(3);
    }
    close(pipe_of_child[0]);
    printf("state %c\n", state("/proc/%d/stat", child, 0, 'S'));
    printf("%s", contents("/proc/%d/comm", child, 0));
    SHOW(put("/proc/%d/comm", child, 0, "x"));
    SHOW(put("/proc/%d/oom_score_adj", child, 0, "600"));
    printf("%s", contents("/proc/%d/oom_score_adj", child, 0));
    snprintf(path, sizeof path, "/proc/%d/cwd", child);
    name[MUST(readlink(path, name, sizeof name - 1))] = 0;
    printf("cwd %s\n", name);
    line("/proc/%d/status", child, 0, "Threads:");
    printf("parent %d\n", atoi(strstr(text, "\nPPid:") + 6) == self);
    printf("fewer descriptors %d\n", count("/proc/self/fd", 0) - count("/proc/%d/fd", child));
    snprintf(name, sizeof name, "%d ", child);
    printf("children %d\n", !strcmp(contents("/proc/self/task/%d/children", self, 0), name));
    snprintf(path, sizeof path, "/proc/%d/stat", child);
    int stat_file = MUST(open(path, O_RDONLY));
    snprintf(path, sizeof path, "/proc/%d/maps", child);
    int maps_file = MUST(open(path, O_RDONLY));
    snprintf(path, sizeof path, "/proc/%d", child);
    int directory = MUST(open(path, O_RDONLY | O_DIRECTORY));
    MUST(kill(child, SIGSTOP));
    printf("stopped %c\n", state("/proc/%d/stat", child, 0, 'T'));
    line("/proc/%d/status", child, 0, "State:");
    MUST(kill(child, SIGCONT));
    printf("continued %c\n", state("/proc/%d/stat", child, 0, 'S'));
    close(pipe_of_child[1]);

    printf("-- a zombie: %c\n", state("/proc/%d/stat", child, 0, 'Z'));
    line("/proc/%d/status", child, 0, "Name:");
    line("/proc/%d/status", child, 0, "State:");
    line("/proc/%d/status", child, 0, "VmSize:");
    line("/proc/%d/status", child, 0, "Threads:");
    printf("exit code %d\n", atoi(strrchr(contents("/proc/%d/stat", child, 0), ' ')));
    printf("cmdline '%s' maps '%s' environ '%s'\n", strdup(contents("/proc/%d/cmdline", child, 0)),
           strdup(contents("/proc/%d/maps", child, 0)), strdup(contents("/proc/%d/environ", child, 0)));
    printf("statm %s", contents("/proc/%d/statm", child, 0));
    printf("smaps '%s' rollup '%s'\n", strdup(contents("/proc/%d/smaps", child, 0)), contents("/proc/%d/smaps_rollup", child, 0));
    printf("oom_score %s wchan %s\n", strdup(contents("/proc/%d/oom_score", child, 0)), contents("/proc/%d/wchan", child, 0));
    snprintf(path, sizeof path, "/proc/%d/exe", child);
    SHOW(readlink(path, name, sizeof name));
    snprintf(path, sizeof path, "/proc/%d/cwd", child);
    SHOW(readlink(path, name, sizeof name));
    snprintf(path, sizeof path, "/proc/%d/mem", child);
    SHOW(open(path, O_RDONLY) > 2);
    SHOW(count("/proc/%d/task", child));
    int got;
    MUST(waitpid(child, &got, 0));

    printf("-- gone\n");
    SHOW(read(stat_file, text, 100));
    SHOW(read(maps_file, text, 100));
    snprintf(path, sizeof path, "/proc/%d", child);
    SHOW(open(path, O_RDONLY));
    SHOW(kill(child, 0));
    close(ends[1]);
    pthread_join(thread, NULL);
    SHOW(count("/proc/self/task", 0));
    return 0;
}
