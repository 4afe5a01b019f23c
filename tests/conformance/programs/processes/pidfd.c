/* pidfd: opening, polling for the end, signals, waitid, descriptors of others, clone3 and clone with CLONE_PIDFD, set_tid, errors. */
#include "conform.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <linux/sched.h>
#define open_(pid, flags) syscall(SYS_pidfd_open, pid, flags)
#define send_(fd, sig, info, flags) syscall(SYS_pidfd_send_signal, fd, sig, info, flags)
#define getfd(fd, n, flags) syscall(SYS_pidfd_getfd, fd, n, flags)
static void polled(const char *what, int fd, int ms)
{
    struct pollfd p = {fd, POLLIN | POLLOUT};
    int n = poll(&p, 1, ms);
    printf("%s: %d %x\n", what, n, n > 0 ? p.revents : 0);
}
static volatile int hits;
static siginfo_t last;
static void on(int s, siginfo_t *i, void *u)
{
    hits++;
    last = *i;
}
static volatile int tid, stop;
static void *thread(void *a)
{
    tid = syscall(SYS_gettid);
    while (!stop)
        usleep(1000);
    return 0;
}
static void who(const char *what, int fd, int kind, int flags, int pid)
{
    siginfo_t i = {0};
    int r = waitid(kind, fd, &i, flags);
    if (r)
        printf("%s %s\n", what, errno_name(errno));
    else
        printf("%s signo %d code %d status %d child %d\n", what, i.si_signo, i.si_code, i.si_status,
               i.si_pid == pid);
}
static int start(struct clone_args *a)
{
    fflush(stdout);
    return syscall(SYS_clone3, a, sizeof *a);
}
int main(void)
{
    int fd, other, r;
    pid_t p;
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &sa, 0);
    siginfo_t info = {0};
    SHOW(open_(0, 0));
    SHOW(open_(-1, 0));
    SHOW(open_(999999, 0));
    SHOW(open_(getpid(), 1));
    fd = SHOW(open_(getpid(), 0));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(fd, F_GETFL));
    other = open_(getpid(), O_NONBLOCK);
    SHOW(fcntl(other, F_GETFL));
    close(other);
    other = open_(getpid(), O_EXCL);
    SHOW(fcntl(other, F_GETFL));
    SHOW(fcntl(fd, F_SETFL, O_NONBLOCK));
    SHOW(fcntl(fd, F_GETFL));
    char c;
    SHOW(read(fd, &c, 1));
    SHOW(write(fd, &c, 1));
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(ftruncate(fd, 1));
    polled("alive", fd, 0);
    /* signals */
    SHOW(send_(fd, 0, 0, 0));
    SHOW(send_(fd, SIGUSR1, 0, 0));
    printf("hits %d code %d own %d\n", hits, last.si_code, last.si_pid == getpid());
    SHOW(send_(other, SIGUSR1, 0, 0));
    printf("hits %d code %d\n", hits, last.si_code);
    SHOW(send_(fd, SIGUSR1, 0, 1));
    printf("code %d\n", last.si_code);
    SHOW(send_(fd, SIGUSR1, 0, 2));
    SHOW(send_(fd, SIGUSR1, 0, 3));
    SHOW(send_(fd, SIGUSR1, 0, 8));
    SHOW(send_(fd, 65, 0, 0));
    SHOW(send_(fd, -1, 0, 0));
    SHOW(send_(0, SIGUSR1, 0, 0));
    SHOW(send_(99, SIGUSR1, 0, 0));
    SHOW(send_(fd, SIGUSR1, (void *)8, 0));
    info.si_signo = SIGUSR2;
    SHOW(send_(fd, SIGUSR1, &info, 0));
    info.si_signo = SIGUSR1;
    info.si_code = SI_QUEUE;
    info.si_value.sival_int = 77;
    SHOW(send_(fd, SIGUSR1, &info, 0));
    printf("value %d code %d\n", last.si_value.sival_int, last.si_code);
    info.si_code = 5;
    SHOW(send_(fd, SIGUSR1, &info, 0));
    printf("code %d\n", last.si_code);
    SHOW(send_(-10000, SIGUSR1, 0, 0));
    printf("code %d\n", last.si_code);
    SHOW(send_(-10001, 0, 0, 0));
    close(other);
    /* a thread */
    pthread_t t;
    pthread_create(&t, 0, thread, 0);
    while (!tid)
        usleep(100);
    SHOW(open_(tid, 0));
    other = open_(tid, O_EXCL);
    SHOW(other > 0);
    hits = 0;
    polled("thread alive", other, 0);
    SHOW(send_(other, SIGUSR1, 0, 0));
    r = 0;
    do
        usleep(5000);
    while (!hits && ++r < 200); /* until a busy host lets the thread run */
    printf("hits %d\n", hits);
    stop = 1;
    polled("thread ended", other, 1000);
    pthread_join(t, 0);
    polled("thread gone", other, 0);
    SHOW(send_(other, 0, 0, 0));
    close(other);
    /* a child: its end, its zombie, and after that */
    fflush(stdout);
    int pair[2];
    pipe(pair);
    if (!(p = fork())) {
        int n = open("/dev/null", O_RDWR);
        dup2(n, 40);
        write(pair[1], "x", 1);
        pause();
        _exit(1);
    }
    read(pair[0], &c, 1);
    other = open_(p, 0);
    polled("running", other, 10);
    int e = epoll_create1(0);
    struct epoll_event ev = {EPOLLIN}, out;
    SHOW(epoll_ctl(e, EPOLL_CTL_ADD, other, &ev));
    SHOW(epoll_wait(e, &out, 1, 0));
    int got = getfd(other, 40, 0);
    SHOW(got >= 0);
    SHOW(fcntl(got, F_GETFD));
    SHOW(fcntl(got, F_GETFL) & O_ACCMODE);
    SHOW(read(got, &c, 1));
    SHOW(getfd(other, 41, 0));
    SHOW(getfd(other, 40, 1));
    SHOW(getfd(0, 0, 0));
    SHOW(getfd(other, -1, 0));
    SHOW(getfd(fd, 0, 0) >= 0);
    struct iovec v = {&c, 1};
    SHOW(syscall(SYS_process_mrelease, other, 0));
    SHOW(syscall(SYS_process_mrelease, other, 1));
    SHOW(syscall(SYS_process_mrelease, 0, 0));
    who("nothing yet", other, 3, WEXITED | WNOHANG, p);
    fcntl(other, F_SETFL, O_NONBLOCK);
    who("non-blocking", other, 3, WEXITED, p);
    fcntl(other, F_SETFL, 0);
    who("not a pidfd", 0, 3, WEXITED, p);
    who("negative", -1, 3, WEXITED, p);
    who("closed", 88, 3, WEXITED, p);
    who("not a child", fd, 3, WEXITED, p);
    SHOW(send_(other, SIGTERM, 0, 0));
    polled("killed", other, 1000);
    SHOW(epoll_wait(e, &out, 1, 0));
    SHOW(send_(other, SIGTERM, 0, 0));
    SHOW(getfd(other, 0, 0));
    SHOW(syscall(SYS_process_mrelease, other, 0));
    r = open_(p, 0);
    SHOW(r >= 0);
    close(r);
    who("zombie", other, 3, WEXITED | WNOWAIT, p);
    who("end", other, 3, WEXITED, p);
    polled("reaped", other, 0);
    SHOW(epoll_wait(e, &out, 1, 0));
    printf("%x\n", out.events);
    SHOW(send_(other, 0, 0, 0));
    SHOW(open_(p, 0));
    who("again", other, 3, WEXITED, p);
    SHOW(getfd(other, 0, 0));
    close(other);
    /* clone3 and clone */
    struct clone_args a = {.flags = CLONE_PIDFD, .pidfd = (long)&other, .exit_signal = SIGCHLD};
    other = -1;
    if (!(p = start(&a)))
        _exit(5);
    printf("pidfd %d cloexec %d\n", other > 2, fcntl(other, F_GETFD));
    who("clone3", other, 3, WEXITED, p);
    close(other);
    a.pidfd = 8;
    SHOW(start(&a));
    a.pidfd = a.parent_tid = (long)&other;
    a.flags |= CLONE_PARENT_SETTID;
    SHOW(start(&a));
    int ptid;
    a.parent_tid = (long)&ptid;
    if (!(p = start(&a)))
        _exit(0);
    printf("both %d\n", ptid == p);
    who("both", other, 3, WEXITED, p);
    close(other);
    other = -1;
    if (!(p = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &other, 0, 0)))
        _exit(6);
    printf("pidfd %d\n", other > 2);
    who("clone", other, 3, WEXITED, p);
    close(other);
    SHOW(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &other, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_PIDFD | 0x400000 | SIGCHLD, 0, &other, 0, 0));
    int want[2] = {20000 + getpid() % 100, 1};
    memset(&a, 0, sizeof a);
    a.exit_signal = SIGCHLD;
    a.set_tid = (long)want;
    a.set_tid_size = 1;
    if (!(p = start(&a)))
        _exit(0);
    SHOW(p == want[0]);
    SHOW(start(&a));
    waitpid(p, 0, 0);
    want[0] = 0;
    SHOW(start(&a));
    want[0] = -3;
    SHOW(start(&a));
    a.set_tid_size = 33;
    SHOW(start(&a));
    a.set_tid_size = 0;
    SHOW(start(&a));
    a.set_tid = 0;
    a.set_tid_size = 1;
    SHOW(start(&a));
    a.set_tid_size = 0;
    a.flags = 1UL << 40;
    SHOW(start(&a));
    a.flags = CLONE_IO;
    if (!(p = start(&a)))
        _exit(0);
    SHOW(waitpid(p, 0, 0) == p);
    /* process_madvise */
    char *m = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(m, 7, 4 * PAGE);
    struct iovec w[3] = {{m, PAGE}, {m + 2 * PAGE, 2 * PAGE}, {m + 8 * PAGE, PAGE}};
    munmap(mmap(m + 8 * PAGE, PAGE, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), PAGE);
    SHOW(syscall(SYS_process_madvise, fd, w, 2, MADV_COLD, 0));
    SHOW(syscall(SYS_process_madvise, fd, w, 2, MADV_DONTNEED, 0));
    printf("%d %d\n", m[0], m[PAGE]);
    SHOW(syscall(SYS_process_madvise, fd, w, 0, MADV_COLD, 0));
    SHOW(syscall(SYS_process_madvise, fd, w, 1025, MADV_COLD, 0));
    SHOW(syscall(SYS_process_madvise, fd, (void *)8, 1, MADV_COLD, 0));
    SHOW(syscall(SYS_process_madvise, fd, w, 2, 999, 0));
    SHOW(syscall(SYS_process_madvise, fd, w, 2, MADV_COLD, 1));
    SHOW(syscall(SYS_process_madvise, 0, w, 2, MADV_COLD, 0));
    w[1].iov_base++;
    SHOW(syscall(SYS_process_madvise, fd, w, 2, MADV_COLD, 0));
    SHOW(syscall(SYS_process_madvise, fd, w + 1, 1, MADV_COLD, 0));
    fflush(stdout);
    if (!(p = fork())) {
        pause();
        _exit(0);
    }
    other = open_(p, 0);
    w[1].iov_base--;
    SHOW(syscall(SYS_process_madvise, other, w, 2, MADV_PAGEOUT, 0));
    SHOW(syscall(SYS_process_madvise, other, w, 2, MADV_DONTNEED, 0));
    SHOW(syscall(SYS_process_madvise, other, w, 2, MADV_WILLNEED, 0));
    kill(p, SIGKILL);
    waitpid(p, 0, 0);
    SHOW(syscall(SYS_process_madvise, other, w, 2, MADV_COLD, 0));
    return 0;
}
