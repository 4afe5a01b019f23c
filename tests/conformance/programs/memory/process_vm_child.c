/* process_vm_readv and process_vm_writev on another process. */
#include "pages.h"
#include <sys/wait.h>

int main(void)
{
    int status, down[2], up[2];
    char byte, text[32] = "from the parent";
    setbuf(stdout, NULL);
    MUST(pipe(down));
    MUST(pipe(up));
    map_at(0, 2, RW);
    strcpy(AT(0), "both");
    int child = fork();
    if (child == 0) {
        strcpy(AT(0), "of the child");
        write(up[1], "x", 1);
        read(down[0], &byte, 1);
        printf("child has %s, %s\n", AT(0), AT(1));
        _exit(0);
    }
    read(up[0], &byte, 1);
    char seen[32] = "";
    struct iovec here = {seen, 12}, there = {AT(0), 12};
    SHOW(process_vm_readv(child, &here, 1, &there, 1, 0));
    printf("%s, own %s\n", seen, AT(0));
    here.iov_base = text;
    here.iov_len = there.iov_len = 16;
    there.iov_base = AT(1) - 4;
    SHOW(process_vm_writev(child, &here, 1, &there, 1, 0));
    there.iov_base = AT(1);
    SHOW(process_vm_writev(child, &here, 1, &there, 1, 0));
    there.iov_base = AT(9);
    SHOW(process_vm_writev(child, &here, 1, &there, 1, 0));
    write(down[1], "x", 1);
    wait(&status);
    SHOW(process_vm_writev(child, &here, 1, &there, 1, 0));
    return 0;
}
