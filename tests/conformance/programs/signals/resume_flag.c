/* RF in the RFLAGS a signal handler finds: set for faults, clear for traps and calls; after rt_sigreturn, and whatever
 * the handler puts there, no instruction sees it. */
#include "conform.h"
#include <sys/mman.h>
#include <ucontext.h>

#define RF 0x10000
#define TF 0x100

static char *page;
static volatile int caught, found;
static volatile int length; /* of the instruction to go on behind */

static void handler(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	caught = signal;
	found = (registers[REG_EFL] & RF) != 0;
	registers[REG_EFL] = (registers[REG_EFL] & ~TF) | RF;
	registers[REG_RIP] += length;
	if (info->si_addr == page)
		mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

#define TRY(what, skip, code) do { \
	unsigned long behind; \
	caught = found = -1; \
	length = skip; \
	asm volatile(code "\n pushfq\n pop %0" : "=r"(behind) : "a"(page), "c"(0L) : "rdx", "memory", "cc"); \
	printf("%-9s signal %2d RF %d, behind it %d\n", what, caught, found, (behind & RF) != 0); \
} while (0)

int main(void)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	int signals[] = { SIGSEGV, SIGILL, SIGTRAP, SIGFPE, SIGBUS, SIGUSR1 };
	for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TRY("load", 0, "mov (%%rax), %%dl"); /* the access is made again */
	TRY("ud2", 2, "ud2");
	TRY("hlt", 1, "hlt");
	TRY("div", 2, "div %%ecx");
	TRY("int 0x50", 2, "int $0x50");
	TRY("int3", 0, "int3");
	TRY("step", 0, "pushfq\n orl $0x100, (%%rsp)\n popfq\n nop");
	TRY("popfq", 0, "pushfq\n orl $0x10000, (%%rsp)\n popfq");
	caught = found = -1;
	length = 0;
	raise(SIGUSR1);
	printf("raise     signal %2d RF %d\n", caught, found);
	return 0;
}
