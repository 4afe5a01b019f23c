/* Reading maps the shared zero page; storing makes a page of one's own. */
#include "pages.h"

int main(void)
{
    map_at(0, 4, RW);
    long sum = 0;
    for (int i = 0; i < 4 * PAGE; i++)
        sum += AREA[i];
    printf("sum %ld\n", sum);
    *AT(1) = 5;
    AT(2)[100] = 6;
    for (int i = 0; i < 4; i++)
        printf("page %d: %d %d\n", i, *AT(i), AT(i)[100]);
    map_at(8, 2, PROT_READ);
    VALUE(AT(8));
    MUST(mprotect(AT(8), PAGE, RW));
    *AT(8) = 1;
    VALUE(AT(8));
    VALUE(AT(9));
    return 0;
}
