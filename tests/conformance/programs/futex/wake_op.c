/* FUTEX_WAKE_OP: every operation and comparison. */
#include "conform.h"
#include <linux/futex.h>
static unsigned a, b;
#define F(...) syscall(SYS_futex, __VA_ARGS__)
int main(void)
{
    int ops[] = {FUTEX_OP_SET, FUTEX_OP_ADD, FUTEX_OP_OR, FUTEX_OP_ANDN, FUTEX_OP_XOR, FUTEX_OP_ADD | FUTEX_OP_OPARG_SHIFT};
    for (int i = 0; i < 6; i++) { b = 6; long r = F(&a, FUTEX_WAKE_OP, 1, 1, &b, FUTEX_OP(ops[i], 3, FUTEX_OP_CMP_EQ, 6)); printf("op %d: %ld b %u\n", ops[i], r, b); }
    for (int c = 0; c < 6; c++) { b = 6; printf("cmp %d: %ld\n", c, (long)F(&a, FUTEX_WAKE_OP, 1, 1, &b, FUTEX_OP(FUTEX_OP_SET, -1, c, -5))); }
    printf("b %u\n", b);
    SHOW(F(&a, FUTEX_WAKE_OP, 1, 1, &b, 7 << 28)); SHOW(F(&a, FUTEX_WAKE_OP, 1, 1, (void *)8, 0)); SHOW(F(&a, FUTEX_WAKE_OP, 1, 1, (char *)&b + 2, 0));
    return 0;
}
