/* Parent and child talk through pipes; end of file when the writer is gone. */
#include "conform.h"
#include <sys/wait.h>
int main(void)
{
    int down[2], up[2]; char buffer[100]; long n; int total = 0;
    pipe(down); pipe(up);
    if (!fork()) {
        close(down[1]); close(up[0]);
        while ((n = read(down[0], buffer, sizeof buffer)) > 0) { for (int i = 0; i < n; i++) buffer[i] -= 32; write(up[1], buffer, n); }
        _exit(3);
    }
    close(down[0]); close(up[1]);
    const char *words[] = {"hello", "from", "the", "parent"};
    for (int i = 0; i < 4; i++) { write(down[1], words[i], strlen(words[i])); n = read(up[0], buffer, sizeof buffer); printf("%.*s\n", (int)n, buffer); }
    close(down[1]);
    SHOW(read(up[0], buffer, sizeof buffer));
    int st; wait(&st); printf("status %d\n", WEXITSTATUS(st));
    return 0;
}
