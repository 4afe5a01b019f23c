/* The string functions that glibc picks by CPUID, across sizes and alignments. */
#include "conform.h"

static unsigned char a[8192], b[8192];

int main(void)
{
    unsigned long hash = 0;
    for (int i = 0; i < 8192; i++)
        a[i] = (unsigned char)(i * 37 + 1) | 1;
    for (int size = 0; size < 4000; size = size * 3 / 2 + 1)
        for (int from = 0; from < 70; from += 7)
            for (int to = 0; to < 70; to += 11) {
                memset(b, size, 4200);
                memcpy(b + to, a + from, size);
                memmove(b + to + 3, b + to, size);
                b[to + 3 + size] = 0;
                hash = hash * 31 + strlen((char *)b + to + 3) + (memcmp(a + from, b + to + 3, size) != 0);
                char *found = memchr(b, 0, 4200);
                hash = hash * 31 + (found ? found - (char *)b : -1);
            }
    printf("%lx\n", hash);
    char text[] = "a,b;;c";
    for (char *word = strtok(text, ",;"); word; word = strtok(NULL, ",;"))
        puts(word);
    printf("%s %s %d\n", strstr("needle in a haystack", "hay"), strrchr("a/b/c", '/'), strcasecmp("ABC", "abc"));
    return 0;
}
