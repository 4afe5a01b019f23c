/* Tables of functions and of addresses with offsets. */
#include "start.h"
typedef int (*op)(int, int);
static int add(int a, int b) {
    return a + b;
}

static int sub(int a, int b) {
    return a - b;
}

static int mul(int a, int b) {
    return a * b;
}

static int divide(int a, int b) {
    return b ? a / b : 0;
}

op table[] = {add, sub, mul, divide};
op *indirect = table + 1;
int array[5] = {1, 2, 3, 4, 5};
int *inside = &array[3];
char *string = "hello" + 2;
struct {
    char c;
    short s;
    long l;
    int (*f)(int, int);
} packed = {1, 2, 3, mul};
int run(void) {
    int r = 1;
    for (int i = 0; i < 4; i++) r += table[i](r + 7, i + 1);
    r += indirect[0](9, 2) + *inside + *string + packed.f(packed.s, packed.l);
    return r & 127;
}
