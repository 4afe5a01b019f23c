/* The formats of /proc/self: stat, statm, status, maps, smaps, smaps_rollup, limits, io; what must hold between them. */
#include "conform.h"
#include <sys/resource.h>

static char text[1 << 16], line[1024];

static char *all(const char *path)
{
    int fd = MUST(open(path, O_RDONLY));
    long size = 0, n;
    while ((n = read(fd, text + size, 4000)) > 0)
        size += n;
    text[size] = 0;
    close(fd);
    return text;
}

static long field(const char *of, const char *name)
{
    char *at = strstr(of, name);
    return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static void stat_and_statm(void)
{
    unsigned long v[60] = {0};
    char name[64], state;
    int pid, used = 0, count = 3;
    all("/proc/self/stat");
    printf("stat: %d", sscanf(text, "%d (%63[^)]) %c%n", &pid, name, &state, &used));
    for (char *at = text + used; sscanf(at, " %lu%n", &v[count], &used) == 1; at += used)
        count++;
    printf(" %d fields, pid %d state %c parent %d group %d session %d\n", count, pid == getpid(), state, v[3] == getppid(), v[4] == getpgrp(), v[5] == getsid(0));
    long vsize = v[22];
    printf("priority %lu nice %lu threads %lu exit_signal %lu, vsize %d rss %d\n", v[17], v[18], v[19], v[37],
           vsize > 0 && vsize % PAGE == 0, v[23] > 0 && v[23] * PAGE <= vsize);
    printf("code %d data %d stack %d brk %d args %d env %d rsslim %d\n", v[25] <= (unsigned long)stat_and_statm &&
           (unsigned long)stat_and_statm < v[26], v[44] <= (unsigned long)&stdout && v[44] < v[45],
           v[27] > (unsigned long)&pid, v[46] <= (unsigned long)sbrk(0), v[47] <= v[48], v[49] <= v[50], v[24] == ~0ul);
    unsigned long m[8];
    all("/proc/self/statm");
    printf("statm: %d fields", sscanf(text, "%lu %lu %lu %lu %lu %lu %lu %lu", m, m + 1, m + 2, m + 3, m + 4, m + 5, m + 6, m + 7));
    printf(", size %d shared %d text %d library %lu dirty %lu\n", m[0] * PAGE == vsize, m[2] <= m[1], m[3] > 0, m[4], m[6]);
}

static void status_lines(void)
{
    all("/proc/self/status");
    for (char *at = text; *at; at = strchr(at, '\n') + 1) {
        int name = strcspn(at, ":");
        char *value = at + name + 1;
        int is_number = 0, kb;
        long number;
        if (sscanf(value, "\t%8ld kB%n", &number, &kb) == 1 && !strncmp(value + 9, " kB\n", 4))
            printf("%.*s:\t%%8ld kB\n", name, at);
        else if (strchr("UTSNV", *at) && strncmp(at, "Seccomp", 7) == 0)
            printf("%.*s\n", (int)strcspn(at, "\n"), at);
        else
            printf("%.*s: %s\n", name, at, value[0] == '\t' ? "tab" : "no tab");
    }
    long rss = field(text, "VmRSS:"), parts = field(text, "RssAnon:") + field(text, "RssFile:") + field(text, "RssShmem:");
    printf("rss is the sum %d, below its peak %d, size below its peak %d\n", rss == parts, rss <= field(text, "VmHWM:"),
           field(text, "VmSize:") <= field(text, "VmPeak:"));
    printf("threads %ld pid %d\n", field(text, "\nThreads:"), field(text, "\nPid:") == getpid());
    struct sigaction ignore = {.sa_handler = SIG_IGN}, caught = {.sa_handler = (void (*)(int))stat_and_statm};
    sigaction(SIGUSR1, &ignore, NULL), sigaction(SIGUSR2, &caught, NULL);
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGTERM), sigaddset(&set, SIGUSR2), sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR2), kill(getpid(), SIGTERM);
    all("/proc/self/status");
    printf("%.*s\n", (int)(strstr(text, "\nCapInh") - strstr(text, "SigPnd")), strstr(text, "SigPnd"));
}

static void areas(void)
{
    char *anonymous = mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *locked = mmap(0, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = MUST(memfd_create("of maps", 0));
    MUST(ftruncate(fd, 4 * PAGE));
    char *memory = mmap(0, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE);
    MUST(mlock(locked, 2 * PAGE));
    memset(anonymous, 1, 3 * PAGE), memset(shared, 1, 2 * PAGE);
    free(malloc(100));
    unsigned long start, end, offset, inode, last = 0, sorted = 1, found = 0, wanted[] = {
        (unsigned long)anonymous, (unsigned long)shared, (unsigned long)memory, (unsigned long)areas, (unsigned long)sbrk(0) - 1,
        (unsigned long)&start, (unsigned long)locked};
    const char *names[] = {"anonymous", "shared", "memfd", "code", "heap", "stack", "locked"};
    unsigned major, minor;
    char rights[8];
    FILE *file = fopen("/proc/self/maps", "r");
    for (int name; fgets(line, sizeof line, file);) {
        int n = sscanf(line, "%lx-%lx %7s %lx %x:%x %lu %n", &start, &end, rights, &offset, &major, &minor, &inode, &name);
        sorted &= n == 7 && start >= last && end > start && strlen(rights) == 4;
        last = end;
        for (int i = 0; i < 7; i++)
            if (start <= wanted[i] && wanted[i] < end)
                printf("%s: %s %lx, column %d, name %s, inode %d, device %d\n", names[i], rights, i == 3 ? 0 : offset,
                       line[name] ? name : 0, i == 3 ? "program\n" : line[name] ? line + name : "none\n", inode != 0,
                       major + minor != 0);
    }
    fclose(file);
    printf("maps sorted %lu\n", sorted);

    long sizes = 0, rss = 0, pss = 0, dirty = 0, size = 0, wrong = 0, shown = 0;
    file = fopen("/proc/self/smaps", "r");
    long v[8] = {0};
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
            shown = start <= wanted[0] && wanted[0] < end ? 1 : start <= wanted[6] && wanted[6] < end ? 2 : 0;
            size = end - start;
            continue;
        }
        long value = field(line, ":");
        if (!strncmp(line, "Size:", 5))
            sizes += value, wrong += value * 1024 != size;
        if (!strncmp(line, "Rss:", 4))
            rss += value, v[0] = value;
        if (!strncmp(line, "Pss:", 4))
            pss += value;
        if (!strncmp(line, "Shared_Clean:", 13))
            v[1] = value;
        if (!strncmp(line, "Shared_Dirty:", 13) || !strncmp(line, "Private_Clean:", 14))
            v[1] += value;
        if (!strncmp(line, "Private_Dirty:", 14))
            wrong += v[1] + value != v[0];
        if (shown == 1)
            printf("%.*s", line[0] == 'S' && line[1] == 'i' ? 0 : 1024, line);
        if (shown == 2 && (!strncmp(line, "Locked", 6) || !strncmp(line, "VmFlags", 7)))
            fputs(line, stdout);
    }
    fclose(file);
    all("/proc/self/status");
    printf("smaps: wrong %ld, sizes %d, locked %ld kB\n", wrong, sizes > 0, field(text, "VmLck:"));
    all("/proc/self/smaps_rollup");
    printf("rollup: first line %d, rss %d pss %d\n", strstr(text, "[rollup]\n") != NULL, field(text, "Rss:") == rss,
           field(text, "Pss:") <= field(text, "Rss:"));
    for (char *at = strchr(text, '\n') + 1; *at; at = strchr(at, '\n') + 1)
        printf("%.*s ", (int)strcspn(at, ":"), at);
    printf("\n");
}

int main(void)
{
    struct rlimit limit = {1000, 2000}, all_of_it = {RLIM_INFINITY, RLIM_INFINITY};
    unsigned long as_usual[4] = {0};
    MUST(setpriority(PRIO_PROCESS, 0, 19));
    for (int signal = 1; signal <= 64; signal++) // whatever the program that started this one ignores
        syscall(SYS_rt_sigaction, signal, as_usual, NULL, 8);
    stat_and_statm();
    status_lines();
    areas();
    for (int i = 0; i < RLIM_NLIMITS; i++)
        if (i != RLIMIT_NOFILE && i != RLIMIT_STACK && i != RLIMIT_NICE && i != RLIMIT_RTPRIO)
            setrlimit(i, &limit);
    limit = (struct rlimit){64, 128}, setrlimit(RLIMIT_NOFILE, &limit);
    limit = (struct rlimit){8 << 20, RLIM_INFINITY}, setrlimit(RLIMIT_STACK, &limit);
    fputs(all("/proc/self/limits"), stdout);
    all("/proc/self/io");
    long read_bytes = field(text, "rchar:"), reads = field(text, "syscr:"), written = field(text, "wchar:");
    for (char *at = text; *at; at = strchr(at, '\n') + 1)
        printf("%.*s ", (int)strcspn(at, ":"), at);
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
    MUST(write(null, text, 1000)), MUST(read(zero, line, 100)), MUST(read(null, line, 100));
    all("/proc/self/io");
    fflush(stdout);
    printf("\nio: read calls %d, written %d\n", field(text, "syscr:") >= reads + 2, field(text, "wchar:") - written == 1000);
    SHOW(open("/proc/self/none", O_RDONLY));
    SHOW(open("/proc/self/maps/x", O_RDONLY));
    SHOW(open("/proc/none", O_RDWR | O_CREAT, 0600));
    return 0;
}
