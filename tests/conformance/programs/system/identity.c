/* Who the process is: root, its numbers, groups, uname's fixed parts. */
#include "conform.h"
#include <grp.h>
#include <sys/utsname.h>

int main(void)
{
    uid_t r, e, s;
    SHOW(getuid()), SHOW(geteuid()), SHOW(getgid()), SHOW(getegid());
    SHOW(getresuid(&r, &e, &s));
    printf("%d %d %d\n", r, e, s);
    SHOW(getresgid(&r, &e, &s));
    SHOW(setuid(0)), SHOW(setgid(0)), SHOW(setresuid(-1, 0, -1)), SHOW(setresgid(0, 0, 0));
    SHOW(setuid(-1));
    SHOW(syscall(SYS_getgroups, -1, 0));
    SHOW(getpid() == syscall(SYS_gettid));
    SHOW(getpid() > 0);
    struct utsname name;
    SHOW(uname(&name));
    printf("%s %s\n", name.sysname, name.machine);
    SHOW(uname((void *)8));
    SHOW(syscall(SYS_getresuid, 8, 8, 8));
    return 0;
}
