/* Run a program as a child and exit with its status, as a shell shows it: LTP's programs do not run as process 1. */
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words)
{
    int status, child = fork();
    if (!child) {
        execv(words[1], words + 1);
        _exit(127);
    }
    while (waitpid(child, &status, 0) != child)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
