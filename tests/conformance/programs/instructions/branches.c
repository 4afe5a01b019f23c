/* Branches to addresses that are not canonical: #GP at the branch, with the stack pointer as before. */
#include "trap.h"

static void at(const char *name, uint64_t expected_rsp)
{
    unsigned char *rip = (unsigned char *)trap_at.uc_mcontext.gregs[REG_RIP];
    printf("  %s: opcode %02x, rsp moved %lld\n", name, *rip, (long long)(trap_at.uc_mcontext.gregs[REG_RSP] - expected_rsp));
}

int main(void)
{
    volatile uint64_t far = 1UL << 63, rsp;
    catch_traps();
    TRY("jmp", asm volatile("mov %%rsp,%0\n\tjmp *%1" : "=m"(rsp) : "a"(far)));
    at("jmp", rsp);
    TRY("call", asm volatile("mov %%rsp,%0\n\tcall *%1" : "=m"(rsp) : "a"(far)));
    at("call", rsp);
    TRY("call, memory", asm volatile("mov %%rsp,%0\n\tcall *%1" : "=m"(rsp) : "m"(far)));
    at("call, memory", rsp);
    TRY("ret", asm volatile("push %1\n\tmov %%rsp,%0\n\tret" : "=m"(rsp) : "a"(far)));
    at("ret", rsp);
    TRY("ret 16", asm volatile("push %1\n\tmov %%rsp,%0\n\tret $16" : "=m"(rsp) : "a"(far)));
    at("ret 16", rsp);
    TRY("load by rsp", asm volatile("mov %%rsp,%%rcx\n\tmov %0,%%rsp\n\tpop %%rax" ::"a"(far) : "rcx"));
    TRY("load by rbp", asm volatile("mov %%rbp,%%rcx\n\tmov %0,%%rbp\n\tmov (%%rbp),%%rdx\n\tmov %%rcx,%%rbp" ::"a"(far) : "rcx", "rdx"));
    TRY("load by rax", asm volatile("mov (%0),%%rdx" ::"a"(far) : "rdx"));
    TRY("kernel", asm volatile("mov (%0),%%rdx" ::"a"(0xffffffff81000000) : "rdx"));
    printf("cr2 %llx\n", (long long)trap_at.uc_mcontext.gregs[REG_CR2]);
    TRY("null", asm volatile("mov (%0),%%rdx" ::"a"(0L) : "rdx"));
    printf("cr2 %llx\n", (long long)trap_at.uc_mcontext.gregs[REG_CR2]);
}
