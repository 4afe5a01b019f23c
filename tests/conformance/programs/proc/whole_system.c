/* cpus: 3 */
/* Files about the whole system: formats, and what must agree with sysinfo, sysconf, clocks and affinity. */
#include "conform.h"
#include <dirent.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

static char text[1 << 16], path[128], line[1 << 14];

static char *all(const char *name)
{
    int fd = open(name, O_RDONLY);
    long size = 0, n;
    while (fd >= 0 && (n = read(fd, text + size, 4000)) > 0)
        size += n;
    text[size] = 0;
    close(fd);
    return fd < 0 ? strcpy(text, "missing") : text;
}

static long value(const char *key)
{
    char *at = strstr(text, key);
    return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

/* One number, or a word, and nothing else but a newline. */
static void form(const char *name)
{
    long number;
    int end = 0;
    char word[200];
    all(name);
    if (sscanf(text, "%ld%n", &number, &end) == 1 && !strcmp(text + end, "\n"))
        printf("%s: a number\n", name);
    else if (sscanf(text, "%199s%n", word, &end) == 1 && !strcmp(text + end, "\n"))
        printf("%s: a word\n", name);
    else
        printf("%s: %zu words\n", name, (size_t)(!!*text + (strtok(text, " \t\n") ? 1 : 0)));
}

static int entries(const char *directory, const char *prefix)
{
    int count = 0;
    DIR *open_one = opendir(directory);
    for (struct dirent *entry; open_one && (entry = readdir(open_one));)
        count += !strncmp(entry->d_name, prefix, strlen(prefix)) && entry->d_name[strlen(prefix)] >= '0' &&
                 entry->d_name[strlen(prefix)] <= '9';
    if (open_one)
        closedir(open_one);
    return count;
}

static void memory(void)
{
    struct sysinfo info;
    const char *keys[] = {"MemTotal:", "MemFree:", "MemAvailable:", "Buffers:", "Cached:", "SwapCached:", "Active:", "Inactive:",
        "Active(anon):", "Inactive(anon):", "Active(file):", "Inactive(file):", "Unevictable:", "Mlocked:", "SwapTotal:",
        "SwapFree:", "Dirty:", "Writeback:", "AnonPages:", "Mapped:", "Shmem:", "KReclaimable:", "Slab:", "SReclaimable:",
        "SUnreclaim:", "KernelStack:", "PageTables:", "NFS_Unstable:", "Bounce:", "WritebackTmp:", "CommitLimit:",
        "Committed_AS:", "VmallocTotal:", "VmallocUsed:", "VmallocChunk:", "Percpu:", "AnonHugePages:", "ShmemHugePages:",
        "ShmemPmdMapped:", "HugePages_Total:", "HugePages_Free:", "HugePages_Rsvd:", "HugePages_Surp:", "Hugepagesize:", "Hugetlb:"};
    all("/proc/meminfo");
    char *at = text;
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
        char *found = strstr(at, keys[i]);
        if (!found || (found != text && found[-1] != '\n'))
            printf("%s missing, or out of order\n", keys[i]);
        else
            at = found;
    }
    int wrong = 0;
    for (at = text; *at; at = strchr(at, '\n') + 1) {
        int length = strchr(at, '\n') - at, huge = !strncmp(at, "HugePages_", 10);
        wrong += huge ? length < 22 : length < 27 || strncmp(at + length - 3, " kB", 3);
    }
    MUST(sysinfo(&info));
    long total = value("MemTotal:"), available = value("MemAvailable:");
    printf("meminfo: wrong lines %d, total like sysinfo %d, free %d, available %d, pages %d\n", wrong,
           total == (long)(info.totalram * info.mem_unit / 1024), value("MemFree:") <= total, available > 0 && available <= total,
           sysconf(_SC_PHYS_PAGES) * 4 == total);
    all("/proc/vmstat");
    printf("vmstat: first %d, faults %d, free pages %d\n", !strncmp(text, "nr_free_pages ", 14), value("\npgfault ") >= 0,
           value("nr_free_pages ") > 0);
    printf("zoneinfo: %d\n", strstr(all("/proc/zoneinfo"), "Node 0, zone") == text && value("pages free") >= 0);
    printf("swaps: %d\n", !strncmp(all("/proc/swaps"), "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n", 38));
}

static void processors(void)
{
    cpu_set_t set;
    int possible = sysconf(_SC_NPROCESSORS_CONF), online = sysconf(_SC_NPROCESSORS_ONLN), count = 0, flags = 0, last = -1, low, high = 0;
    MUST(sched_getaffinity(0, sizeof set, &set));
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (fgets(line, sizeof line, file)) {
        int number;
        count += sscanf(line, "processor\t: %d", &number) == 1 && number == last + 1 && ++last >= 0;
        flags += !strncmp(line, "flags\t\t: fpu", 12) && strstr(line, " sse2 ") && strstr(line, " lm ");
    }
    fclose(file);
    printf("cpuinfo: processors %d, flags %d\n", count == online, flags == count);
    all("/sys/devices/system/cpu/online");
    if (sscanf(text, "%d-%d", &low, &high) == 1)
        high = low;
    printf("online %d, affinity %d, get_nprocs %d, directories %d\n", high - low + 1 == online, CPU_COUNT(&set) <= online,
           get_nprocs_conf() == possible, entries("/sys/devices/system/cpu", "cpu") == possible);
    unsigned long v[12], one[12];
    all("/proc/stat");
    int fields = sscanf(text, "cpu  %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7, v + 8, v + 9, v + 10);
    int lines = 0;
    unsigned long user = 0;
    for (char *at = text; (at = strstr(at, "\ncpu")); lines++, at++)
        user += sscanf(at, "\ncpu%*d %lu", one) == 1 ? one[0] : 0;
    printf("stat: %d fields, cores %d, user time is the sum %d, now %d\n", fields, lines == online, user + online >= v[0] && user <= v[0] + online,
           labs(value("\nbtime ") + (long)(clock() * 0) - (time(NULL) - ({ struct timespec t; clock_gettime(CLOCK_BOOTTIME, &t); t.tv_sec; }))) <= 1);
    const char *keys[] = {"\nintr ", "\nctxt ", "\nbtime ", "\nprocesses ", "\nprocs_running ", "\nprocs_blocked ", "\nsoftirq "};
    for (int i = 0; i < 7; i++)
        printf("%s%ld ", keys[i] + 1, i < 2 || i == 2 || i == 3 || i == 6 ? (long)(value(keys[i]) >= 0) : (long)(value(keys[i]) >= 0));
    printf("\nrunning %d\n", value("\nprocs_running ") >= 1);
}

int main(void)
{
    double up, idle, one, five, fifteen;
    int running, threads, pid, end = 0;
    struct timespec now;
    struct utsname name;
    memory();
    processors();
    all("/proc/uptime");
    printf("uptime: %d", sscanf(text, "%lf %lf%n", &up, &idle, &end));
    MUST(clock_gettime(CLOCK_BOOTTIME, &now));
    printf(", now %d, end %s", up <= now.tv_sec + 1 && up + 2 > now.tv_sec, text + end);
    all("/proc/loadavg");
    printf("loadavg: %d", sscanf(text, "%lf %lf %lf %d/%d %d%n", &one, &five, &fifteen, &running, &threads, &pid, &end));
    printf(", running %d of %d, pid %d, end %s", running >= 1, threads >= running, pid >= getpid(), text + end);
    MUST(uname(&name));
    snprintf(path, sizeof path, "%s version %s (", name.sysname, name.release);
    all("/proc/version");
    printf("version: %d\n", !strncmp(text, path, strlen(path)) && strstr(text, name.version));
    snprintf(path, sizeof path, "%s\n", name.release);
    printf("osrelease %d", !strcmp(all("/proc/sys/kernel/osrelease"), path));
    snprintf(path, sizeof path, "%s\n", name.nodename);
    printf(" hostname %d", !strcmp(all("/proc/sys/kernel/hostname"), path));
    printf(" filesystems %d", strstr(all("/proc/filesystems"), "nodev\tproc\n") && strstr(text, "nodev\ttmpfs\n"));
    printf(" mounts %d", strstr(all("/proc/mounts"), "proc /proc proc rw") != NULL);
    int id, parent, major, minor, matched = 0, count = 0, dash;
    char root[128], point[256], options[128];
    FILE *file = fopen("/proc/self/mountinfo", "r");
    for (; fgets(line, sizeof line, file); count++)
        matched += sscanf(line, "%d %d %d:%d %127s %255s %127s", &id, &parent, &major, &minor, root, point, options) == 7 && strstr(line, " - ");
    fclose(file);
    printf(" mountinfo %d\n", count && matched == count);

    const char *forms[] = {"vm/overcommit_memory", "vm/overcommit_ratio", "vm/max_map_count", "vm/mmap_min_addr", "vm/nr_hugepages",
        "vm/swappiness", "vm/unprivileged_userfaultfd", "vm/min_free_kbytes", "kernel/pid_max", "kernel/threads-max", "kernel/ostype",
        "kernel/version", "kernel/randomize_va_space", "kernel/shmmax", "kernel/shmall", "kernel/shmmni", "kernel/msgmax",
        "kernel/ngroups_max", "kernel/cap_last_cap", "kernel/random/boot_id", "kernel/random/uuid", "kernel/random/entropy_avail",
        "kernel/core_pattern", "fs/file-max", "fs/nr_open", "fs/pipe-max-size", "fs/aio-max-nr", "fs/inotify/max_user_watches",
        "fs/epoll/max_user_watches", "fs/mqueue/msg_max"};
    for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
        snprintf(path, sizeof path, "/proc/sys/%s", forms[i]);
        form(path);
    }
    form("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
    form("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
    form("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
    form("/sys/devices/system/cpu/kernel_max");
    form("/sys/devices/system/cpu/cpu0/topology/core_id");
    form("/sys/devices/system/cpu/cpu0/topology/physical_package_id");
    form("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list");
    form("/sys/devices/system/node/online");
    form("/sys/devices/system/node/node0/distance");
    printf("node0 meminfo %d\n", strstr(all("/sys/devices/system/node/node0/meminfo"), "Node 0 MemTotal:") != NULL);
    const char *choices[] = {"enabled", "defrag", "shmem_enabled"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/sys/kernel/mm/transparent_hugepage/%s", choices[i]);
        all(path);
        char *open_bracket = strchr(text, '['), *closing = strchr(text, ']');
        printf("%s: %d", choices[i], open_bracket && closing > open_bracket);
        for (char *at = text; *at; at++)
            if (*at != '[' && *at != ']')
                putchar(*at);
    }

    struct stat status;
    char buffer[64];
    SHOW(open("/proc/sys/kernel/ostype", O_WRONLY));
    SHOW(open("/proc/sys/kernel/ostype", O_RDWR | O_CREAT, 0600));
    SHOW(open("/proc/meminfo", O_RDWR | O_TRUNC) > 2);
    int fd = MUST(open("/proc/uptime", O_RDWR));
    SHOW(write(fd, "1", 1));
    SHOW(lseek(fd, 0, SEEK_END));
    SHOW(pread(fd, buffer, 3, 2));
    fd = MUST(open("/proc/sys/vm/swappiness", O_RDONLY));
    SHOW(read(fd, buffer, 64) > 1);
    SHOW(read(fd, buffer, 64));
    SHOW(pread(fd, buffer, 64, 1));
    SHOW(lseek(fd, 0, SEEK_END));
    SHOW(open("/sys/devices/system/cpu/online", O_WRONLY));
    fd = MUST(open("/sys/devices/system/cpu/kernel_max", O_RDONLY));
    SHOW(lseek(fd, 0, SEEK_END));
    SHOW(access("/proc/sys/vm/swappiness", W_OK));
    SHOW(open("/proc/sys/vm/none", O_RDONLY));
    SHOW(open("/proc/sys/vm/none", O_RDWR | O_CREAT, 0600));
    SHOW(mkdir("/proc/new", 0700));
    SHOW(unlink("/proc/meminfo"));
    const char *stats[] = {"/proc", "/proc/meminfo", "/proc/self", "/proc/sys/vm", "/proc/sys/vm/swappiness", "/proc/sys/kernel/ostype",
        "/sys", "/sys/devices/system/cpu", "/sys/devices/system/cpu/online", "/sys/kernel/mm/transparent_hugepage/enabled",
        "/proc/self/maps", "/proc/self/mem", "/proc/self/fd", "/proc/self/exe", "/proc/self/oom_score_adj", "/proc/self/auxv"};
    for (unsigned i = 0; i < sizeof stats / sizeof *stats; i++) {
        MUST(lstat(stats[i], &status));
        printf("%s: %o size %ld blocks %ld\n", stats[i], status.st_mode, strstr(stats[i], "/fd") ? 0 : (long)status.st_size,
               (long)status.st_blocks);
    }
    return 0;
}
