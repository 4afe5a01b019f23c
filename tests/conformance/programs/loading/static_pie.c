/* A static PIE relocates itself: tables of pointers, IRELATIVE functions, its heap.
 * flags: -static-pie -fPIE
 */
#include "conform.h"

static const char *const words[] = {"zero", "one", "two"};
static int (*const functions[])(const char *) = {puts};

int main(void)
{
    for (int i = 0; i < 3; i++)
        functions[0](words[i]);
    char *copy = strdup(words[2]);
    printf("%s %zu %d\n", strchr(copy, 'w'), strlen(words[0]), memcmp(words[0], words[1], 3) > 0);
    printf("heap %s the code\n", (uintptr_t)copy < (uintptr_t)&main ? "below" : "above");
    return 0;
}
