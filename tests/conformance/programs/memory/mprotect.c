/* mprotect: rights change, data stays, areas split and join; the signals of what is forbidden. */
#include "pages.h"

int main(void)
{
    catch_faults();
    map_at(0, 6, RW);
    for (int i = 0; i < 6; i++)
        *AT(i) = i + 1;
    SHOW(mprotect(AT(1), PAGE, PROT_READ));
    READ(AT(1));
    WRITE(AT(1), 9);
    SHOW(mprotect(AT(2), PAGE, PROT_NONE));
    READ(AT(2));
    WRITE(AT(2) + 5, 9);
    SHOW(mprotect(AT(3), PAGE, PROT_WRITE));
    READ(AT(3));
    SHOW(mprotect(AT(4), PAGE, PROT_EXEC));
    READ(AT(4));
    WRITE(AT(4), 1);
    show_pages("rights", 0, 7);
    SHOW(mprotect(AT(0), 6 * PAGE, RW));
    for (int i = 0; i < 6; i++)
        VALUE(AT(i));
    SHOW(mprotect(AT(0) + 1, PAGE, PROT_READ));
    SHOW(mprotect(AT(0) + 1, 0, PROT_READ));
    SHOW(mprotect(AT(0), 0, 0x1000));
    SHOW(mprotect(AT(0), PAGE, 0x1000));
    SHOW(mprotect(AT(0), PAGE, PROT_READ | 8));
    SHOW(mprotect(AT(0), PAGE, PROT_READ | PROT_GROWSDOWN));
    SHOW(mprotect(AT(0), PAGE, PROT_READ | PROT_GROWSUP));
    SHOW(mprotect(AT(0), PAGE, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN));
    SHOW(mprotect(AT(4), 4 * PAGE, PROT_READ));
    show_pages("up to the hole", 0, 8);
    SHOW(mprotect(AT(20), PAGE, PROT_READ));
    SHOW(mprotect(AT(0), -PAGE, PROT_READ));
    READ(AT(20));
    WRITE(AT(21), 1);
    return 0;
}
