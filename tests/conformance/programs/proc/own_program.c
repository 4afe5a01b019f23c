/* What a process finds out about itself: cmdline, environ, auxv, exe; a title over its arguments; its stacks.
 *
 * args: one two
 */
#include "conform.h"
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static char text[1 << 16];
extern char **environ;

static int all(const char *name)
{
    int fd = MUST(open(name, O_RDONLY)), size = 0, n;
    while ((n = read(fd, text + size, 1000)) > 0)
        size += n;
    close(fd);
    memset(text + size, 0, 64);
    return size;
}

static void strings(const char *name)
{
    int size = all(name);
    printf("%s:", name);
    for (char *at = text; at < text + size; at += strlen(at) + 1)
        printf(" '%s'", strchr(at, '/') ? "path" : at);
    printf("\n");
}

static void stack_of(const char *what)
{
    pthread_attr_t attributes;
    void *low;
    size_t size, guard;
    int here;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_getguardsize(&attributes, &guard);
    printf("%s stack: holds a local %d, size %d, guard %d\n", what, (char *)&here >= (char *)low && (char *)&here < (char *)low + size,
           size > 64 * 1024, guard == 0 || guard == PAGE);
}

static void *body(void *argument)
{
    stack_of("a thread's");
    return NULL;
}

int main(int count, char **arguments)
{
    if (count > 3 && !strcmp(arguments[3], "again")) {
        strings("/proc/self/cmdline");
        strings("/proc/self/environ");
        all("/proc/self/comm");
        printf("comm %s", text);
        char name[64] = "";
        readlink("/proc/self/exe", name, 63);
        printf("exe is a path %d\n", name[0] == '/');
        memset(arguments[0], 'T', strlen(arguments[0]) + 1 + strlen(arguments[1]));
        int length = all("/proc/self/cmdline");
        printf("a title: %.3s.. then %s\n", text, text + strlen(text) + 1);
        char *last = arguments[count - 1];
        memset(arguments[0], 'L', last + strlen(last) + 1 - arguments[0]);
        length = all("/proc/self/cmdline");
        printf("a long one: %d\n", length == (int)strlen(text) + 1 && strlen(text) >= (size_t)(last - arguments[0]));
        strcpy(arguments[0], "short");
        printf("a short one: %s\n", (all("/proc/self/cmdline"), text));
        return 0;
    }
    strings("/proc/self/cmdline");
    strings("/proc/self/environ");
    unsigned long *vector = (unsigned long *)text, found = 0, wrong = 0;
    int size = all("/proc/self/auxv");
    for (; vector[0]; vector += 2, found++)
        wrong += getauxval(vector[0]) != vector[1];
    printf("auxv: whole pairs %d, wrong %lu, more than ten %d, ends with AT_NULL %d\n", size % 16 == 0, wrong, found > 10,
           (char *)vector < text + size);
    stack_of("the first");
    pthread_t thread;
    pthread_create(&thread, NULL, body, NULL);
    pthread_join(thread, NULL);
    MUST(prctl(PR_SET_DUMPABLE, 0));
    SHOW(open("/proc/self/mem", O_RDONLY) > 2);
    SHOW(access("/proc/self/environ", R_OK));
    MUST(prctl(PR_SET_NAME, "changed"));
    fflush(stdout);
    char *more[] = {"own_program", "first", "second", "again", NULL}, *variables[] = {"A=1", "B=two words", NULL};
    execve("/proc/self/exe", more, variables);
    printf("execve failed\n");
    return 1;
}
