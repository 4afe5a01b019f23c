/* Controlling terminals: sessions, the foreground group, signals of keys, SIGTTIN and SIGTTOU, SIGWINCH, SIGHUP. */
#include "terminal.h"

static int master, slave;
static volatile int seen[65];

static void note(int signo) { seen[signo]++; }

static void show_seen(const char *what)
{
    settle();
    printf("%s:", what);
    for (int signo = 1; signo < 65; signo++)
        if (seen[signo]) {
            printf(" %s x%d", sigabbrev_np(signo), seen[signo]);
            seen[signo] = 0;
        }
    printf("\n");
    fflush(stdout);
}

static void show_group(const char *what, int fd)
{
    pid_t group = -7;
    long result = ioctl(fd, TIOCGPGRP, &group);
    printf("%s: TIOCGPGRP %s, %s\n", what, result ? errno_name(errno) : "ok",
           group == getpid() ? "mine" : group == getpgrp() ? "my group" : group > 0 ? "another" : group == 0 ? "none" : "-");
    group = -7;
    result = ioctl(fd, TIOCGSID, &group);
    printf("%s: TIOCGSID %s, %s\n", what, result ? errno_name(errno) : "ok",
           group == getsid(0) ? "mine" : group > 0 ? "another" : group == 0 ? "none" : "-");
}

/* Run in a child; says how it ended. */
static void in_child(void (*body)(void), int own_group)
{
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        if (own_group)
            setpgid(0, 0);
        body();
        fflush(stdout);
        _exit(0);
    }
    if (own_group)
        setpgid(child, child);
    int status;
    while (waitpid(child, &status, WUNTRACED) == child) {
        if (WIFSTOPPED(status)) {
            printf("  child stopped by %s\n", sigabbrev_np(WSTOPSIG(status)));
            fflush(stdout);
            MUST(ioctl(slave, TIOCSPGRP, &child));
            kill(child, SIGCONT);
            continue;
        }
        if (WIFSIGNALED(status))
            printf("  child killed by %s\n", sigabbrev_np(WTERMSIG(status)));
        else
            printf("  child exits %d\n", WEXITSTATUS(status));
        break;
    }
    fflush(stdout);
    pid_t own = getpgrp();
    signal(SIGTTOU, SIG_IGN);
    ioctl(slave, TIOCSPGRP, &own);
    signal(SIGTTOU, note);
}

static void read_in_background(void) { show_read("  background read", slave, 100); }
static void read_ignoring(void) { signal(SIGTTIN, SIG_IGN); show_read("  ignoring SIGTTIN", slave, 100); }
static void write_in_background(void) { SHOW(write(slave, "bg", 2)); }
static void set_in_background(void) { signal(SIGTTOU, SIG_DFL); local_flags(slave, 0, 0); printf("  set\n"); }
static void set_ignoring(void) { signal(SIGTTOU, SIG_IGN); local_flags(slave, 0, 0); printf("  set, ignoring\n"); }
static void group_in_background(void)
{
    pid_t own = getpgrp();
    signal(SIGTTOU, SIG_DFL);
    SHOW(ioctl(slave, TIOCSPGRP, &own));
}
static void write_with_tostop(void) { signal(SIGTTOU, SIG_DFL); SHOW(write(slave, "bg", 2)); }
static void wait_for_key(void) { usleep(100000); }
static void orphan(void)
{
    signal(SIGTTIN, SIG_DFL);
    if (fork()) {
        usleep(40000);
        return;
    }
    setpgid(0, 0);
    usleep(100000);
    show_read("  orphaned read", slave, 100);
    fflush(stdout);
    raise(SIGTSTP);
    printf("  not stopped\n");
    fflush(stdout);
    _exit(0);
}

static void session(void)
{
    for (int signo = 1; signo < 32; signo++)
        if (signo != SIGCHLD && signo != SIGTTIN && signo != SIGTSTP)
            signal(signo, note);
    show_group("before", slave);
    show_group("before, master", master);
    SHOW(open("/dev/tty", O_RDWR));
    SHOW(ioctl(slave, TIOCNOTTY));
    SHOW(setsid() == getpid());
    SHOW(setsid());
    show_group("new session", slave);
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    SHOW(ioctl(slave, TIOCSCTTY, 0));
    show_group("controlling", slave);
    show_group("controlling, master", master);
    int tty = SHOW(open("/dev/tty", O_RDWR) >= 0);
    tty = MUST(open("/dev/tty", O_RDWR));
    show_group("/dev/tty", tty);
    printf("ttyname %s\n", ttyname(tty) && !strcmp(ttyname(tty), "/dev/tty") ? "/dev/tty" : "other");
    type(master, "\x03");
    show_seen("^C");
    show_all("echoed", master);
    type(master, "lost\x1c");
    show_seen("^\\");
    show_all("echoed", master);
    show_all("left", slave);
    local_flags(slave, NOFLSH, 0);
    type(master, "kept\x03");
    show_seen("^C with NOFLSH");
    show_all("echoed", master);
    type(master, "\n");
    show_all("left", slave);
    local_flags(slave, 0, NOFLSH | ISIG);
    type(master, "\x03\n");
    show_seen("without ISIG");
    show_all("left", slave);
    local_flags(slave, ISIG, 0);
    show_all("echoed", master);

    struct winsize size = {30, 90, 0, 0};
    SHOW(ioctl(master, TIOCSWINSZ, &size));
    show_seen("size");
    SHOW(ioctl(master, TIOCSWINSZ, &size));
    show_seen("the same size");
    size.ws_row = 31;
    SHOW(ioctl(slave, TIOCSWINSZ, &size));
    show_seen("another size");
    SHOW(ioctl(master, TIOCGWINSZ, &size));
    printf("%d x %d\n", size.ws_row, size.ws_col);

    pid_t group = 999999;
    SHOW(ioctl(slave, TIOCSPGRP, &group));
    group = -1;
    SHOW(ioctl(slave, TIOCSPGRP, &group));
    group = getppid();
    SHOW(ioctl(slave, TIOCSPGRP, &group));
    group = getpgrp();
    SHOW(ioctl(slave, TIOCSPGRP, &group));
    SHOW(ioctl(slave, TIOCSPGRP, 8));
    SHOW(ioctl(master, TIOCSPGRP, &group));

    printf("read in the background\n");
    type(master, "line\n");
    show_all("echoed", master);
    in_child(read_in_background, 1);
    printf("ignoring\n");
    type(master, "line\n");
    show_all("echoed", master);
    in_child(read_ignoring, 1);
    show_all("left", slave);
    printf("write in the background\n");
    in_child(write_in_background, 1);
    show_all("got", master);
    printf("set in the background\n");
    in_child(set_in_background, 1);
    printf("set, ignoring\n");
    in_child(set_ignoring, 1);
    printf("group in the background\n");
    in_child(group_in_background, 1);
    local_flags(slave, TOSTOP, 0);
    printf("TOSTOP\n");
    in_child(write_with_tostop, 1);
    local_flags(slave, 0, TOSTOP);
    show_all("got", master);

    printf("^Z\n");
    fflush(stdout);
    signal(SIGTSTP, SIG_IGN);
    if (!fork()) {
        usleep(30000);
        if (write(master, "\x1a", 1) != 1)
            _exit(1);
        _exit(0);
    }
    wait(NULL);
    settle();
    show_seen("^Z ignored");
    show_all("echoed", master);

    printf("orphan\n");
    in_child(orphan, 0);
    usleep(150000);

    int other_master = open_master(), other = MUST(open_slave(other_master, O_RDWR));
    show_group("a second terminal", other);
    SHOW(ioctl(other, TIOCSCTTY, 0));
    SHOW(ioctl(slave, TIOCNOTTY));
    show_seen("TIOCNOTTY");
    show_group("given up", slave);
    SHOW(open("/dev/tty", O_RDWR));
    int again = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    show_group("opened with O_NOCTTY", again);
    close(again);
    again = MUST(open_slave(master, O_WRONLY));
    show_group("opened for writing", again);
    close(again);
    again = MUST(open_slave(master, O_RDWR));
    show_group("opened", again);
    show_seen("opened");
    fflush(stdout);
    if (!fork()) {
        SHOW(open("/dev/tty", O_RDWR) >= 0);
        SHOW(ioctl(slave, TIOCNOTTY));
        SHOW(open("/dev/tty", O_RDWR));
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    show_group("still", slave);
    close(master);
    show_seen("the master is closed");
    show_group("after that", slave);
    SHOW(open("/dev/tty", O_RDWR));
    fflush(stdout);
}

int main(void)
{
    master = open_master();
    slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    pid_t leader = fork();
    if (!leader) {
        session();
        _exit(0);
    }
    int status;
    waitpid(leader, &status, 0);
    printf("leader ends with %#x\n", status);

    close(master);
    close(slave);
    master = open_master();
    slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    fflush(stdout);
    leader = fork();
    if (!leader) {
        MUST(setsid());
        MUST(ioctl(slave, TIOCSCTTY, 0));
        if (!fork()) {
            signal(SIGHUP, note);
            signal(SIGCONT, note);
            usleep(100000);
            show_seen("the leader has exited");
            SHOW(open("/dev/tty", O_RDWR));
            show_read("slave", slave, 10);
            SHOW(write(slave, "x", 1));
            fflush(stdout);
            _exit(0);
        }
        usleep(50000);
        _exit(0);
    }
    waitpid(leader, &status, 0);
    usleep(200000);
    show_all("master", master);
    return 0;
}
