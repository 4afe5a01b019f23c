/* Strings with escapes, zeroed and common data. */
#include "start.h"
static const char *const names[] = {"alpha", "be\"ta\n", "gam\001\377ma\\", "tab\tx\a"};
static char buffer[4096];
int common_one;
static int zeroed[10];
char text[] = "0123\0456";
static int length(const char *s) {
    int n = 0;
    while (*s++) n++;
    return n;
}

__attribute__((noinline)) static void copy(char *d, const char *s) {
    while ((*d++ = *s++));
}

int run(void) {
    int s = 0;
    for (int i = 0; i < 4; i++) {
        copy(buffer + s, names[i]);
        s += length(names[i]) + i;
    } common_one = s;
    zeroed[3] = buffer[2];
    return (s + common_one + zeroed[3] + text[4] + sizeof text) & 127;
}
