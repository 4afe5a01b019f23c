/* PR_SET_MDWE: no memory is both writable and executable, none becomes executable. */
#include "pages.h"
#include <sys/prctl.h>
#include <sys/wait.h>
#define RX (PROT_READ | PROT_EXEC)
#define RWX (RW | PROT_EXEC)
int main(void)
{
    map_at(0, 4, RW); map_at(4, 4, RX); map_at(8, 2, RWX); map_at(10, 2, PROT_NONE); int fd = memfd_create("m", 0); ftruncate(fd, 4 * PAGE);
    MUST(prctl(65, 1, 0, 0, 0));
    SHOW_POINTER(mmap(0, PAGE, RWX, ANON, -1, 0)); SHOW_POINTER(mmap(0, PAGE, PROT_WRITE | PROT_EXEC, ANON, -1, 0)); SHOW_POINTER(mmap(0, PAGE, RX, ANON, -1, 0)); SHOW_POINTER(mmap(0, PAGE, PROT_EXEC, ANON, -1, 0));
    SHOW_POINTER(mmap(0, PAGE, RWX, MAP_SHARED, fd, 0)); SHOW_POINTER(mmap(0, PAGE, RX, MAP_SHARED, fd, 0)); SHOW_POINTER(mmap(0, PAGE, RW, MAP_SHARED, fd, 0)); SHOW_POINTER(mmap(0, PAGE, RWX, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    SHOW_POINTER(mmap(0, 0, RWX, ANON, -1, 0)); SHOW_POINTER(mmap(0, PAGE, RWX, ANON, 77, 0)); SHOW_POINTER(mmap(0, PAGE, RWX, MAP_PRIVATE, 77, 0)); SHOW_POINTER(mmap((void *)1, PAGE, RWX, ANON | MAP_FIXED, -1, 0));
    *AT(0) = 7; SHOW_POINTER(mmap(AT(0), PAGE, RWX, ANON | MAP_FIXED, -1, 0)); printf("still there %d\n", *AT(0));
    SHOW(mprotect(AT(0), PAGE, RX)); SHOW(mprotect(AT(0), PAGE, RWX)); SHOW(mprotect(AT(0), PAGE, PROT_READ)); SHOW(mprotect(AT(0), PAGE, PROT_EXEC)); SHOW(mprotect(AT(10), PAGE, PROT_EXEC));
    SHOW(mprotect(AT(4), PAGE, RW)); SHOW(mprotect(AT(4), PAGE, RX)); SHOW(mprotect(AT(5), PAGE, RX)); SHOW(mprotect(AT(5), PAGE, RWX)); SHOW(mprotect(AT(5), PAGE, PROT_READ)); SHOW(mprotect(AT(6), PAGE, PROT_EXEC)); SHOW(mprotect(AT(6), PAGE, RX));
    SHOW(mprotect(AT(8), PAGE, RWX)); SHOW(mprotect(AT(8), PAGE, RX)); SHOW(mprotect(AT(8), PAGE, RWX)); 
    SHOW(mprotect(AT(2), 6 * PAGE, RX)); SHOW(mprotect(AT(6), 6 * PAGE, RX)); show_pages("pages", 0, 12); SHOW(mprotect(AT(9), PAGE, PROT_WRITE)); SHOW(mprotect(AT(9), PAGE, RX));
    SHOW_POINTER(mremap(AT(6), PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    int st; if (!fork()) { _exit(mprotect(AT(0), PAGE, RX) ? 1 : 2); } wait(&st); printf("child %d\n", WEXITSTATUS(st));
    return 0;
}
