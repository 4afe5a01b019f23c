/* A process and its child, each with its own copies; the child becomes the program that the argument names. */
#include <sys/wait.h>
#include <unistd.h>

static volatile int copied = 1;
static __thread int mine = 5;

static int work(int n)
{
    mine += n;
    copied = n; /* the store */
    return copied + mine;
}

int main(int argc, char **argv)
{
    int got, status;
    pid_t child;

    if (argc > 2)
        return argv[1][0]; /* the new program */
    child = fork();
    if (child == 0) {
        got = work(7);
        if (argc == 2)
            execl(argv[1], "second", "A", "B", (char *)0);
        _exit(got);
    }
    work(1);
    waitpid(child, &status, 0);
    return WEXITSTATUS(status) == 19 && copied == 1 ? 0 : 1;
}
