/* What the auxiliary vector says, as far as it does not depend on the machine. */
#include "conform.h"
#include <elf.h>
#include <sys/auxv.h>

extern char _start;

int main(void)
{
    const Elf64_Phdr *headers = (void *)getauxval(AT_PHDR);
    int loads = 0;
    for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++)
        loads += headers[i].p_type == PT_LOAD;
    printf("page size %lu, clock ticks %lu\n", getauxval(AT_PAGESZ), getauxval(AT_CLKTCK));
    printf("program headers of %lu bytes, loads %s\n", getauxval(AT_PHENT), loads >= 2 ? "there" : "missing");
    printf("entry %s\n", getauxval(AT_ENTRY) == (unsigned long)&_start ? "is _start" : "is elsewhere");
    printf("base %lu, flags %lu, secure %lu\n", getauxval(AT_BASE), getauxval(AT_FLAGS), getauxval(AT_SECURE));
    printf("platform %s\n", (char *)getauxval(AT_PLATFORM));
    printf("random bytes %s\n", getauxval(AT_RANDOM) ? "there" : "missing");
    printf("execfn %s\n", (char *)getauxval(AT_EXECFN) == NULL ? "missing" : "there");
    printf("uid %lu %lu gid %lu %lu\n", getauxval(AT_UID), getauxval(AT_EUID), getauxval(AT_GID), getauxval(AT_EGID));
    return 0;
}
