/* /proc/self/fd and fdinfo: links by kind of file, listing, opening again, and what each kind adds to fdinfo.
 *
 * needs: userfaultfd
 */
#include "conform.h"
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <linux/userfaultfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static char path[64], text[4096];

static const char *of(const char *directory, int fd)
{
    snprintf(path, sizeof path, "/proc/self/%s/%d", directory, fd);
    return path;
}

/* The link with its inode number, if it has one and fstat says the same, as N. */
static void show_link(const char *what, int fd)
{
    struct stat status, through, link;
    long size = readlink(of("fd", fd), text, sizeof text - 1);
    text[size < 0 ? 0 : size] = 0;
    char *bracket = strchr(text, '[');
    MUST(fstat(fd, &status));
    if (bracket && strtoul(bracket + 1, NULL, 10) == status.st_ino)
        strcpy(bracket + 1, "N]");
    MUST(lstat(path, &link));
    MUST(stat(path, &through));
    printf("%s: %s mode %o size %ld, same inode %d, same mode %d\n", what, text, link.st_mode, (long)link.st_size,
           through.st_ino == status.st_ino, through.st_mode == status.st_mode);
}

static void show_info(const char *what, int fd)
{
    FILE *file = fopen(of("fdinfo", fd), "r");
    printf("-- fdinfo of %s\n", what);
    while (file && fgets(text, sizeof text, file)) {
        long number;
        if (sscanf(text, "mnt_id:\t%ld", &number) == 1)
            printf("mnt_id:\tN\n");
        else if (sscanf(text, "ino:\t%ld", &number) == 1)
            printf("ino:\tN\n");
        else if (sscanf(text, "eventfd-id: %ld", &number) == 1)
            printf("eventfd-id: N\n");
        else if (strstr(text, " ino:"))
            printf("%.*s pos:.. ino:.. sdev:..\n", (int)(strstr(text, " pos:") - text), text);
        else
            fputs(text, stdout);
    }
    if (file)
        fclose(file);
}

static int listed(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.' && entry->d_type == DT_LNK;
    closedir(directory);
    return count;
}

int main(void)
{
    char buffer[16] = "";
    struct stat status;
    for (int fd = 3; fd < 1000; fd++)
        close(fd);
    int before = listed();
    int memory = memfd_create("a name", MFD_CLOEXEC), pair[2], ends[2];
    MUST(pipe(ends));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    int event = eventfd(5, EFD_SEMAPHORE), poll = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int signals = signalfd(-1, &set, 0);
    int null = open("/dev/null", O_RDWR | O_APPEND), directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
    int other = open("/tmp", O_PATH);
    printf("descriptors: %d, with 11 more %d\n", before, listed() - before);
    show_link("memfd", memory), show_link("pipe", ends[0]), show_link("pipe", ends[1]), show_link("socket", pair[0]);
    show_link("eventfd", event), show_link("epoll", poll), show_link("timerfd", timer);
    show_link("signalfd", signals), show_link("null", null), show_link("O_PATH", other);
    MUST(fstat(memory, &status));
    MUST(write(memory, "hello, world", 12));
    MUST(lseek(memory, 7, SEEK_SET));

    printf("-- opened again\n");
    int again = SHOW(open(of("fd", memory), O_RDONLY) > 2) ? open(path, O_RDONLY) : -1;
    SHOW(read(again, buffer, 5));
    printf("%s, position of the first %ld\n", buffer, (long)lseek(memory, 0, SEEK_CUR));
    SHOW(write(again, "x", 1));
    SHOW(ftruncate(again, 3));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, again, 0));
    SHOW(fcntl(again, F_GETFL));
    int cut = SHOW(open(of("fd", memory), O_RDWR | O_TRUNC) > 2);
    MUST(fstat(memory, &status));
    printf("size %ld\n", (long)status.st_size);
    int reader = open(of("fd", ends[1]), O_RDONLY | O_NONBLOCK);
    MUST(write(ends[1], "through", 7));
    SHOW(read(reader, buffer, 16));
    SHOW(open(of("fd", pair[0]), O_RDWR));
    SHOW(open(of("fd", event), O_RDWR));
    SHOW(open(of("fd", timer), O_RDONLY));
    SHOW(open(of("fd", null), O_RDWR) > 2);
    SHOW(open(of("fd", memory), O_RDONLY | O_NOFOLLOW));
    SHOW(open(of("fd", memory), O_RDONLY | O_DIRECTORY));
    SHOW(open("/proc/self/fd/999", O_RDONLY));
    SHOW(open("/proc/self/fd/03", O_RDONLY));
    SHOW(open("/proc/self/fd/-1", O_RDONLY));
    SHOW(open("/proc/self/fd/new", O_CREAT | O_RDWR, 0600));
    SHOW(readlink("/proc/self/fd/999", buffer, 16));
    SHOW(access(of("fd", memory), R_OK | W_OK));
    SHOW(openat(directory, "0", O_PATH) > 2);

    struct epoll_event want = {EPOLLIN | EPOLLET, {.u64 = 0x1234}};
    MUST(epoll_ctl(poll, EPOLL_CTL_ADD, event, &want));
    MUST(lseek(memory, 5, SEEK_SET));
    show_info("memfd", memory), show_info("pipe", ends[1]), show_info("eventfd", event), show_info("epoll", poll);
    show_info("timerfd", timer), show_info("signalfd", signals), show_info("null", null), show_info("O_PATH", other);
    struct itimerspec spec = {{1, 5}, {0, 1}};
    MUST(timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL));
    char *ticks = "none";
    FILE *file = fopen(of("fdinfo", timer), "r");
    while (fgets(text, sizeof text, file))
        if (!strncmp(text, "ticks", 5) || !strncmp(text, "settime", 7) || !strncmp(text, "it_interval", 11))
            fputs(text, stdout);
    close(memory);
    SHOW(open(of("fdinfo", memory), O_RDONLY));

    printf("-- without a name\n");
    int gone = MUST(open("gone", O_RDWR | O_CREAT, 0600));
    MUST(write(gone, "what is left", 12));
    MUST(unlink("gone"));
    text[MUST(readlink(of("fd", gone), text, sizeof text - 1))] = 0;
    again = SHOW(open(path, O_RDONLY) > 2) ? open(path, O_RDONLY) : -1;
    SHOW(read(again, buffer, 12));
    printf("%.12s, %s\n", buffer, strrchr(text, '/'));
    MUST(mkdir("directory", 0700));
    int removed = MUST(open("directory", O_RDONLY | O_DIRECTORY));
    MUST(rmdir("directory"));
    text[MUST(readlink(of("fd", removed), text, sizeof text - 1))] = 0;
    printf("%s\n", strrchr(text, '/'));
    int watches = MUST(inotify_init1(IN_CLOEXEC));
    MUST(inotify_add_watch(watches, "/tmp", IN_CREATE | IN_DELETE));
    text[MUST(readlink(of("fd", watches), text, sizeof text - 1))] = 0;
    printf("%s\n", text);
    file = fopen(of("fdinfo", watches), "r");
    while (fgets(text, sizeof text, file))
        if (!strncmp(text, "inotify", 7))
            printf("%.12s..%.24s\n", text, strstr(text, " mask"));
    int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
    struct uffdio_api api = {.api = UFFD_API};
    MUST(ioctl(uffd, UFFDIO_API, &api));
    show_info("userfaultfd", uffd);
    return 0;
}
