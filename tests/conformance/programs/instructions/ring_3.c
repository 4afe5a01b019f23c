/* What ring 3 may not do, and that it has no effect before the exception. */
#include "trap.h"

int main(void)
{
    static char bytes[4] = "abc";
    struct { uint16_t limit; uint64_t base; } __attribute__((packed)) table;
    uint64_t value;
    catch_traps();
    TRY("insb", asm volatile("insb" ::"D"(bytes), "d"(0x80) : "memory"));
    TRY("outsb", asm volatile("outsb" ::"S"(bytes), "d"(0x80)));
    printf("rsi moved %d, %c\n", trap_at.uc_mcontext.gregs[REG_RSI] != (long)bytes, bytes[0]);
    TRY("in", asm volatile("in %%dx,%%al" ::"a"(0x55), "d"(0x80)));
    printf("rax %llx\n", (long long)trap_at.uc_mcontext.gregs[REG_RAX]);
    TRY("out", asm volatile("out %%al,$0x80" ::"a"(0x55)));
    TRY("insb, bad address", asm volatile("insb" ::"D"(8L), "d"(0x80) : "memory"));
    TRY("rdpmc", asm volatile("rdpmc" ::"c"(0) : "eax", "edx"));
    TRY("sysret", asm volatile("sysretq" ::: "rcx", "r11"));
    TRY("wrmsr", asm volatile("wrmsr"));
    TRY("hlt", asm volatile("hlt"));
    TRY("cli", asm volatile("cli"));
    TRY("sti", asm volatile("sti"));
    TRY("clts", asm volatile("clts"));
    TRY("lgdt", asm volatile("lgdt %0" ::"m"(table)));
    TRY("lldt", asm volatile("lldt %w0" ::"r"(0)));
    TRY("lmsw", asm volatile("lmsw %w0" ::"r"(0)));
    TRY("invlpg", asm volatile("invlpg %0" ::"m"(bytes)));
    TRY("mov cr0", asm volatile("mov %%cr0,%0" : "=r"(value)));
    TRY("mov dr7", asm volatile("mov %%dr7,%0" : "=r"(value)));
    TRY("swapgs", asm volatile("swapgs"));
    TRY("int 0", asm volatile("int $0"));
    TRY("int 1", asm volatile("int $1"));
    TRY("int 13", asm volatile("int $13"));
    TRY("int 14", asm volatile("int $14"));
    TRY("int 32", asm volatile("int $32"));
    TRY("int 255", asm volatile("int $255"));
    TRY("int 3", asm volatile(".byte 0xcd,3"));
    TRY("int 4", asm volatile("int $4"));
    TRY("int3", asm volatile("int3"));
    TRY("ud2", asm volatile("ud2"));
    TRY("ud1", asm volatile(".byte 0x0f,0xb9,0xc0"));
    TRY("ud0", asm volatile(".byte 0x0f,0xff,0xc0"));
    TRY("push es", asm volatile(".byte 0x06"));
    TRY("vmcall-like", asm volatile(".byte 0x0f,0x01,0xc2"));
    if (!sigsetjmp(trap_back, 1))
        asm volatile(".byte 0xf1");
    printf("int1: signal %d\n", trap_seen.si_signo);
    asm volatile("sgdt %0" : "=m"(table));
    printf("sgdt %x %lx\n", table.limit, table.base);
    asm volatile("sidt %0" : "=m"(table));
    printf("sidt %x %lx\n", table.limit, table.base);
    value = 0x1122334455667788;
    asm volatile("sldt %w0" : "+r"(value));
    printf("sldt %lx\n", value);
    value = 0x1122334455667788;
    asm volatile("str %k0" : "+r"(value));
    printf("str %lx\n", value);
    value = 0x1122334455667788;
    asm volatile("smsw %w0" : "+r"(value));
    printf("smsw %lx\n", value);
}
