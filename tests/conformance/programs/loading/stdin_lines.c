/* stdin by lines and by numbers, to its end.
 * stdin: first line\n12 34\nlast
 */
#include "conform.h"

int main(void)
{
    char line[64];
    int a, b;
    printf("%s", fgets(line, sizeof line, stdin));
    printf("%d numbers\n", scanf("%d %d", &a, &b));
    printf("%d\n", a + b);
    while (fgets(line, sizeof line, stdin))
        printf("[%s]\n", line);
    printf("eof %d error %d\n", !!feof(stdin), !!ferror(stdin));
    return 0;
}
