/* Without a C library: the program's exit status is what run() returns. */
int run(void);

__attribute__((force_align_arg_pointer)) void _start(void)
{
    int status = run();
    __asm__ volatile("syscall" ::"a"(60), "D"(status));
    __builtin_unreachable();
}
