/* The first process ends by a signal while its children, and theirs, go on writing: all of it comes, with its status. */
#include "conform.h"
#include <sys/wait.h>
static void say(const char *what) { write(1, what, strlen(what)); }
int main(void)
{
    int order[2]; char c; pipe(order);
    if (!fork()) {
        close(order[1]);
        read(order[0], &c, 1); /* its end is the first process's */
        say("the first process is gone\n");
        pid_t child = fork();
        if (!child) { usleep(3000); say("a child of the orphan\n"); _exit(4); }
        int st; waitpid(child, &st, 0); say(WEXITSTATUS(st) == 4 ? "was waited for\n" : "was not\n");
        char *p = mmap(0, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); memset(p, 1, 64 * PAGE);
        int fd = open("left", O_CREAT | O_RDWR, 0600); write(fd, "kept\n", 5); lseek(fd, 0, SEEK_SET); char text[5]; read(fd, text, 5); write(1, text, 5);
        if (!fork()) { usleep(3000); say("last\n"); _exit(1); }
        _exit(9);
    }
    say("first\n");
    raise(SIGTERM);
    return 0;
}
