/* execve of files that are none, of scripts, posix_spawn. */
#include "conform.h"
#include <spawn.h>
#include <sys/wait.h>
static void make(const char *name, const char *text, int mode) { int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0700); write(fd, text, strlen(text)); fchmod(fd, mode); close(fd); }
int main(int argc, char **argv)
{
    if (argc > 1) { printf("run:"); for (int i = 1; i < argc; i++) printf(" [%s]", argv[i]); puts(""); return argc; }
    char *args[] = {"x", "one", "two", 0}, script[200]; int st; pid_t p;
    make("./data", "no program", 0700); make("./secret", "#!/x\n", 0600); make("./empty", "", 0700); make("./elf", "\177ELF\2\1\1", 0700);
    SHOW(execv("./data", args)); SHOW(execv("./secret", args)); SHOW(execv("./empty", args)); SHOW(execv("./elf", args)); SHOW(execv("./data/x", args));
    make("./orphan", "#!/nowhere\n", 0700); SHOW(execv("./orphan", args));
    make("./loop", "#!./loop\n", 0700); SHOW(execv("./loop", args));
    snprintf(script, sizeof script, "#!%s  an option \nrest\n", "/proc/self/exe"); make("./script", script, 0755);
    fflush(stdout);
    if (!(p = fork())) { execv("./script", args); _exit(99); }
    waitpid(p, &st, 0); printf("status %d\n", WEXITSTATUS(st)); fflush(stdout);
    int r = posix_spawn(&p, "/proc/self/exe", 0, 0, args, 0);
    waitpid(p, &st, 0); printf("spawn %d status %d\n", r, WEXITSTATUS(st));
    printf("spawn %s\n", errno_name(posix_spawn(&p, "/nothing", 0, 0, args, 0)));
    return 0;
}
