/* Arguments, an empty environment, the exit status.
 * args: one two
 */
#include "conform.h"

int main(int argc, char **argv, char **environment)
{
    for (int i = 1; i < argc; i++)
        printf("argv[%d] = %s\n", i, argv[i]);
    printf("argc %d, environment %s\n", argc, environment[0] ? environment[0] : "empty");
    fprintf(stderr, "to stderr\n");
    return 7;
}
