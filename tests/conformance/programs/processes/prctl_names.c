/* prctl: names of threads, dumpable, no_new_privs, unknown options. */
#include "conform.h"
#include <sys/prctl.h>
int main(void)
{
    char name[16] = {0};
    SHOW(prctl(PR_SET_NAME, "a name that is too long")); SHOW(prctl(PR_GET_NAME, name)); puts(name);
    SHOW(prctl(PR_GET_DUMPABLE)); SHOW(prctl(PR_SET_DUMPABLE, 7));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0)); SHOW(prctl(9999)); SHOW(prctl(PR_SET_NAME, (void *)8));
    return 0;
}
