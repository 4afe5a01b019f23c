/* ETXTBSY: a running program cannot be written, nor what is open for writing executed. */
#include "conform.h"
#include <sys/wait.h>

int main(int count, char **words)
{
    char buffer[1 << 16];
    int pause_at[2], status;
    if (count > 1)
        return read(atoi(words[1]), buffer, 1) != 0;
    int from = MUST(open("/proc/self/exe", O_RDONLY)), to = MUST(open("copy", O_WRONLY | O_CREAT, 0755));
    for (long got; (got = MUST(read(from, buffer, sizeof buffer)));)
        MUST(write(to, buffer, got));
    MUST(pipe2(pause_at, O_CLOEXEC));
    SHOW(execl("./copy", "copy", "0", NULL)), close(to);
    to = MUST(open("copy", O_RDWR)), SHOW(execl("./copy", "copy", "0", NULL)), close(to), to = MUST(open("copy", O_RDONLY));
    int child = MUST(fork());
    if (!child) {
        char number[16];
        snprintf(number, sizeof number, "%d", MUST(dup(pause_at[0])));
        close(pause_at[1]);
        execl("./copy", "copy", number, NULL);
        _exit(9);
    }
    char byte;
    usleep(200000);
    SHOW(open("copy", O_WRONLY)), SHOW(open("copy", O_RDWR)), SHOW(open("copy", O_RDONLY | O_TRUNC)), SHOW(truncate("copy", 0));
    SHOW(open("copy", O_RDONLY) > 0), SHOW(creat("copy", 0700)), SHOW(rename("copy", "other")), SHOW(open("other", O_WRONLY));
    close(pause_at[1]), MUST(waitpid(child, &status, 0)), SHOW(WEXITSTATUS(status)), SHOW(truncate("other", 0));
    return 0;
}
