/* Code that system calls store to: through another mapping of its page, or through its file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int (*fn)(void);
static unsigned char code[6] = {0xb8, 1, 0, 0, 0, 0xc3}; /* mov eax, 1; ret */

int main(void)
{
	int fd = memfd_create("code", 0), pipe_fds[2], to[2], from[2];
	ftruncate(fd, 3 * 4096);
	unsigned char *a = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	unsigned char *b = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	setbuf(stdout, 0);
	pipe(pipe_fds);
	pipe(to);
	pipe(from);

	printf("read:");
	for (int i = 2; i < 6; i++) {
		code[1] = i;
		write(pipe_fds[1], code, 6);
		read(pipe_fds[0], b, 6);
		printf(" %d", ((fn)a)());
	}
	printf("\nprocess_vm_writev:");
	for (int i = 2; i < 6; i++) {
		code[1] = i;
		struct iovec local = {code, 6}, remote = {b, 6};
		process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
		printf(" %d", ((fn)a)());
	}
	printf("\npwrite:");
	for (int i = 2; i < 6; i++) {
		code[1] = i;
		pwrite(fd, code, 6, 0);
		printf(" %d", ((fn)a)());
	}
	printf("\n/proc/self/mem:");
	int mem = open("/proc/self/mem", O_RDWR);
	for (int i = 2; i < 6; i++) {
		code[1] = i;
		pwrite(mem, code, 6, (off_t)b);
		printf(" %d", ((fn)a)());
	}
	printf("\na child runs it, pwrite here:");
	if (!fork()) {
		char octet;
		close(to[1]);
		while (read(to[0], &octet, 1) == 1) {
			octet = ((fn)a)();
			write(from[1], &octet, 1);
		}
		_exit(0);
	}
	for (int i = 2; i < 6; i++) {
		char octet = 0;
		code[1] = i;
		if (i & 1)
			pwrite(fd, code, 6, 0);
		else
			memcpy(b, code, 6);
		write(to[1], &octet, 1);
		read(from[0], &octet, 1);
		printf(" %d", octet);
	}
	printf("\nread here:");
	for (int i = 2; i < 6; i++) {
		char octet = 0;
		code[1] = i;
		write(pipe_fds[1], code, 6);
		read(pipe_fds[0], b, 6);
		write(to[1], &octet, 1);
		read(from[0], &octet, 1);
		printf(" %d", octet);
	}
	printf("\nmapped by none of its writers:");
	munmap(a, 4096);
	munmap(b, 4096);
	for (int i = 2; i < 6; i++) {
		char octet = 0;
		code[1] = i;
		pwrite(fd, code, 6, 0);
		write(to[1], &octet, 1);
		read(from[0], &octet, 1);
		printf(" %d", octet);
	}
	close(to[1]);
	wait(0);
	puts("");
}
