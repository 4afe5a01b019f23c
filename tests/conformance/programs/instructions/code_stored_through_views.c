/* Code that is stored to through other mappings of its page: by itself, by other instructions, by a child. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int (*fn)(void);
typedef int (*fn2)(unsigned char *, int);
static int fd, next;

/* two views of `pages` new pages */
static void views(int pages, int first, int second, unsigned char **a, unsigned char **b)
{
	ftruncate(fd, (next + pages) * 4096L);
	*a = mmap(0, pages * 4096L, first, MAP_SHARED, fd, next * 4096L);
	*b = mmap(0, pages * 4096L, second, MAP_SHARED, fd, next * 4096L);
	next += pages;
}
enum { R = PROT_READ, W = PROT_WRITE, X = PROT_EXEC };

int main(void)
{
	unsigned char *a, *b;
	fd = memfd_create("code", 0);
	setbuf(stdout, 0);

	/* mov byte [rdi], sil; mov eax, 1; ret */
	static const unsigned char self[] = {0x40, 0x88, 0x37, 0xb8, 1, 0, 0, 0, 0xc3};
	for (int kind = 0; kind < 2; kind++) {
		views(1, kind ? R | W | X : R | X, kind ? R | W | X : R | W, &a, &b);
		memcpy(b, self, sizeof self);
		printf("its own page%s:", kind ? ", all rights" : "");
		for (int i = 2; i < 7; i++)
			printf(" %d", ((fn2)a)(b + 4, i));
		puts("");
	}

	/* the same across the end of a page: the store before it, what it changes behind it */
	views(2, R | X, R | W, &a, &b);
	memcpy(b + 4096 - 5, self, sizeof self);
	printf("the next page:");
	for (int i = 2; i < 7; i++)
		printf(" %d", ((fn2)(a + 4096 - 5))(b + 4096 - 5 + 4, i));
	puts("");

	/* mov ecx, 4; mov eax, esi; rep stosb (rdi); mov eax, 1; ret */
	static const unsigned char rep[] = {0xb9, 1, 0, 0, 0, 0x89, 0xf0, 0xf3, 0xaa, 0xb8, 1, 0, 0, 0, 0xc3};
	views(1, R | X, R | W, &a, &b);
	memcpy(b, rep, sizeof rep);
	printf("rep stosb:");
	for (int i = 2; i < 7; i++)
		printf(" %d", ((fn2)a)(b + 10, i));
	puts("");

	/* a stack in the page of code: push and call change what runs behind them */
	/* xchg rsp, rdi; push rsi; xchg rsp, rdi; mov eax, imm32; ret, where RSP ends at the imm */
	static const unsigned char push[] = {0x48, 0x87, 0xfc, 0x56, 0x48, 0x87, 0xfc, 0xb8, 1, 0, 0, 0, 0xc3, 0x90, 0x90, 0x90};
	views(1, R | X, R | W, &a, &b);
	printf("push:");
	for (int i = 2; i < 7; i++) {
		memcpy(b, push, sizeof push);
		uint64_t word;
		memcpy(&word, b + 8, 8);
		printf(" %d", ((int (*)(unsigned char *, uint64_t))a)(b + 16, (word & ~0xffull) | i));
	}
	puts("");

	/* call rel32 over four bytes: its return address becomes their content, which is read back as data and code */
	static const unsigned char call[] = {
		0x48, 0x87, 0xfc,       /* xchg rsp, rdi */
		0xe8, 8, 0, 0, 0,       /* call 1f; the push fills the next eight bytes */
		0, 0, 0, 0, 0, 0, 0, 0,
		0x58,                   /* 1: pop rax */
		0x48, 0x87, 0xfc,       /* xchg rsp, rdi */
		0xc3,
	};
	views(1, R | X, R | W, &a, &b);
	memcpy(b, call, sizeof call);
	printf("call:");
	for (int i = 0; i < 3; i++) {
		uint64_t got = ((uint64_t (*)(unsigned char *, int))a)(b + 16, i);
		printf(" %d", got == (uint64_t)a + 8);
	}
	printf(" %d\n", *(uint64_t *)(b + 8) == (uint64_t)a + 8);

	/* lock cmpxchg8b, fxsave and movdqu, by code elsewhere */
	static const unsigned char code[16] = {0xb8, 1, 0, 0, 0, 0xc3};
	views(1, R | X, R | W, &a, &b);
	memcpy(b, code, 16);
	printf("cmpxchg8b:");
	for (int i = 2; i < 7; i++) {
		printf(" %d", ((fn)a)());
		uint64_t old = *(uint64_t *)b, new = (old & ~0xff00ull) | i << 8;
		__atomic_compare_exchange_n((uint64_t *)b, &old, new, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	printf(" %d\nmovdqu:", ((fn)a)());
	for (int i = 2; i < 7; i++) {
		unsigned char copy[16];
		memcpy(copy, b, 16);
		copy[1] = i;
		printf(" %d", ((fn)a)());
		asm volatile("movdqu %1, %%xmm3\n\tmovdqu %%xmm3, %0" : "=m"(*(unsigned char(*)[16])b) : "m"(copy) : "xmm3");
	}
	/* xmm0 of the FXSAVE area is the code */
	printf(" %d\nfxsave:", ((fn)a)());
	for (int i = 2; i < 7; i++) {
		unsigned char copy[16];
		memcpy(copy, code, 16);
		copy[1] = i;
		asm volatile("movdqu %1, %%xmm0\n\tfxsave %0" : "=m"(*(unsigned char(*)[512])(b + 512)) : "m"(copy) : "xmm0");
		printf(" %d", ((fn)(a + 512 + 160))());
	}
	printf("\nmaskmovdqu:");
	for (int i = 2; i < 7; i++) {
		static const unsigned char mask[16] = {0, 0x80};
		unsigned char copy[16] = {0, i};
		asm volatile("movdqu %1, %%xmm0\n\tmovdqu %2, %%xmm1\n\tmaskmovdqu %%xmm1, %%xmm0" : : "D"(b), "m"(copy), "m"(mask) : "xmm0", "xmm1", "memory");
		printf(" %d", ((fn)a)());
	}
	puts("");

	/* one page, all rights, shared with a child that stores through the same address */
	views(1, R | W | X, R | W | X, &a, &b);
	memcpy(a, code, 16);
	printf("a child:");
	for (int i = 2; i < 5; i++) {
		printf(" %d", ((fn)a)());
		if (!fork()) {
			(i & 1 ? a : b)[1] = i;
			_exit(((fn)a)());
		}
		int status;
		wait(&status);
		printf("/%d", WEXITSTATUS(status));
	}
	printf(" %d\n", ((fn)a)());
}
