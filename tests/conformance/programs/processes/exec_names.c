/* What a program is told of its name: argv[0], AT_EXECFN, comm; by path, through a link, by a script, with no arguments. */
#include "conform.h"
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/wait.h>
static void show(const char *how, const char *argv0)
{
    char name[17] = "", comm[40] = ""; int fd = open("/proc/self/comm", O_RDONLY);
    prctl(PR_GET_NAME, name); read(fd, comm, sizeof comm - 1); close(fd);
    printf("%s: argv[0] %s execfn %s comm %s and %s", how, argv0, (char *)getauxval(AT_EXECFN), name, comm); fflush(stdout);
}
static void run(const char *path, char **args) { int st; if (!fork()) { execv(path, args); _exit(9); } wait(&st); if (st) printf("%s status %d\n", path, WEXITSTATUS(st)); }
static void *named(void *a) { char name[17] = ""; prctl(PR_GET_NAME, name); puts(name); prctl(PR_SET_NAME, "thread"); fflush(stdout); if (!fork()) { prctl(PR_GET_NAME, name); puts(name); fflush(stdout); _exit(0); } wait(0); return 0; }
int main(int argc, char **argv)
{
    pthread_t t; char script[100], *again[] = {"zz", "again", 0}, *none[] = {0}, *empty[] = {"", "empty", 0};
    if (argc > 1) { show(argv[argc - 1], argv[0]); return 0; }
    if (argc == 1 && getenv("X")) { show("no arguments", argv[0]); return 0; }
    prctl(PR_SET_NAME, "before");
    run("/proc/self/exe", again); run("/proc/self/exe", empty); run("//proc/./self/exe", again);
    symlink("/proc/self/exe", "a name of more than fifteen"); run("./a name of more than fifteen", again);
    int fd = open("./script", O_CREAT | O_WRONLY, 0700); write(fd, "#!/proc/self/exe by\n", 20); close(fd); run("./script", again); run("script", again);
    setenv("X", "1", 1); run("/proc/self/exe", none);
    prctl(PR_SET_NAME, "main"); pthread_create(&t, 0, named, 0); pthread_join(t, 0);
    return 0;
}
