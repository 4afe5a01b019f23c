/* Code that becomes and ceases to be invalid (LOCK BTS of a register): through its own page, another mapping, the kernel,
 * by another thread, and across the end of a page. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, RWX = PROT_READ | PROT_WRITE | PROT_EXEC };
static const unsigned char bts[] = {0xf0, 0x0f, 0xab, 0xc8, 0xc3};     /* lock bts eax, ecx: #UD */
static const unsigned char memory[] = {0xf0, 0x0f, 0xab, 0x0f, 0xc3};  /* lock bts [rdi], ecx */
static const unsigned char immediate[] = {0x65, 0xf0, 0x0f, 0xba, 0xf8, 7, 0xc3};
static const unsigned char good[] = {0xb8, 77, 0, 0, 0, 0xc3};
static sigjmp_buf out;
static void caught(int number)
{
	siglongjmp(out, number);
}

/* the signal that the code at `at` ends with, or what it has done to a word */
static unsigned run(unsigned char *at)
{
	uint32_t word = 0;
	int number = sigsetjmp(out, 1);
	if (number)
		return number;
	unsigned result = ((unsigned (*)(uint32_t *, int, int, int))at)(&word, 0, 0, 3);
	return word ? word : result;
}

static void put(unsigned char *at, const unsigned char *code, int size)
{
	memcpy(at, code, size);
	asm volatile("mfence" ::: "memory");
}
#define PUT(at, code) put(at, code, sizeof code)

static volatile int turn;
static unsigned char *shared;
static void *other(void *unused)
{
	for (int i = 0; i < 4; i++) {
		while (turn != 2 * i + 1)
			usleep(100);
		i % 2 ? PUT(shared, good) : PUT(shared, bts);
		turn = 2 * i + 2;
	}
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_handler = caught, .sa_flags = SA_NODEFER};
	sigaction(SIGILL, &action, 0);
	sigaction(SIGSEGV, &action, 0);
	setbuf(stdout, 0);
	int fd = memfd_create("code", 0);
	ftruncate(fd, 8 * PAGE);
	unsigned char *a = mmap(0, 2 * PAGE, RWX, MAP_SHARED, fd, 0), *b = mmap(0, 2 * PAGE, RWX, MAP_SHARED, fd, 0);
	unsigned char *data = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	printf("its own page:");
	for (int i = 0; i < 3; i++) {
		PUT(a, good);
		printf(" %u", run(a));
		PUT(a, bts);
		printf(" %u", run(a));
		PUT(a, memory);
		printf(" %u", run(a));
		PUT(a, immediate);
		printf(" %u", run(a));
	}
	printf("\nanother mapping:");
	for (int i = 0; i < 3; i++) {
		PUT(i ? b : data, good);
		printf(" %u", run(a));
		PUT(i ? data : b, bts);
		printf(" %u %u", run(a), run(b));
		PUT(i == 1 ? b : data, memory);
		printf(" %u %u", run(b), run(a));
	}
	printf("\nthe kernel:");
	for (int i = 0; i < 3; i++) {
		pwrite(fd, good, sizeof good, 16);
		printf(" %u", run(a + 16));
		pwrite(fd, bts, sizeof bts, 16);
		printf(" %u %u", run(a + 16), run(b + 16));
	}
	printf("\nacross the end of a page:");
	for (int split = 1; split < 5; split++) {
		unsigned char *at = a + PAGE - split;
		for (int i = 0; i < 3; i++) {
			PUT(at, memory);
			printf(" %u", run(at));
			/* only what is in the next page changes, where there is a ModRM byte; then only what is in this one */
			put(at + split, bts + split, sizeof bts - split);
			printf(" %u", run(at));
			put(b + PAGE + 0, memory + split, sizeof memory - split);
			printf(" %u", run(at));
		}
		put(at, good, sizeof good);
		printf(" %u,", run(at));
	}
	printf("\nanother next page:");
	for (int i = 0; i < 3; i++) {
		PUT(a + PAGE - 2, memory);
		printf(" %u", run(a + PAGE - 2));
		munmap(a + PAGE, PAGE);
		printf(" %u", run(a + PAGE - 2));
		unsigned char *fresh = mmap(a + PAGE, PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		put(fresh, bts + 2, 3);
		printf(" %u", run(a + PAGE - 2));
		mmap(a + PAGE, PAGE, RWX, MAP_SHARED | MAP_FIXED, fd, PAGE);
		printf(" %u", run(a + PAGE - 2));
	}
	printf("\nprefixes in the page before:");
	unsigned char *hole = mmap(0, 3 * PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *page = hole + PAGE;
	munmap(hole, PAGE);
	PUT(page, bts);
	printf(" %u", run(page));
	hole = mmap(hole, PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	put(page - 2, (const unsigned char *)"\x66\x48", 2);
	printf(" %u %u", run(page - 2), run(page - 1));
	put(page, memory, sizeof memory);
	printf(" %u %u", run(page - 1), run(page));
	mprotect(hole, PAGE, PROT_READ | PROT_WRITE);
	PUT(page, bts);
	printf(" %u %u", run(page - 1), run(page));
	PUT(page, good);
	printf(" %u", run(page));

	printf("\nanother thread:");
	shared = a + 64;
	PUT(shared, good);
	pthread_t thread;
	pthread_create(&thread, 0, other, 0);
	for (int i = 0; i < 4; i++) {
		printf(" %u", run(shared));
		turn = 2 * i + 1;
		while (turn != 2 * i + 2)
			usleep(100);
		printf(" %u", run(shared));
	}
	pthread_join(thread, 0);
	puts("");
}
