/* Pages that a program fills itself, when they are first touched: userfaultfd with a handler thread, as on any Linux.
   With -DPFF the same faults are forwarded to the thread that took them; only the lines under #ifdef PFF are added.
   Where nothing is forwarded (--mode uffd), the thread answers, so that one program can be compared with itself.

       gcc -static -pthread examples/uffd_pages.c -o uffd_pages && pffemu run --mode uffd ./uffd_pages
       gcc -static -pthread -DPFF $(pffemu cflags) examples/uffd_pages.c -o pff_pages
       pffemu run ./pff_pages
       pffemu compare ./pff_pages
*/
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096UL
#define PAGES 8

static int uffd;
static char *cache;                                              /* the region */
static char source[PAGE * PAGES] __attribute__((aligned(4096))); /* source of its pages */

#define SOURCE_OF(page) ((unsigned long)source + ((page) - (unsigned long)cache))

#ifdef PFF
#include "pff.h"

PFF_HANDLER void on_fault(struct pff_frame *frame, unsigned long long vector __attribute__((unused)))
{
    unsigned long page = frame->address & -PAGE;
    pff_copy(uffd, page, SOURCE_OF(page), PAGE);
}
#endif

static void *handle_faults(void *unused)
{
    struct uffd_msg message;

    while (read(uffd, &message, sizeof message) == sizeof message) {
        unsigned long page = message.arg.pagefault.address & -PAGE;
        struct uffdio_copy copy = {.dst = page, .src = SOURCE_OF(page), .len = PAGE};
        if (message.event != UFFD_EVENT_PAGEFAULT || ioctl(uffd, UFFDIO_COPY, &copy))
            exit(3);
    }
    return unused;
}

static int fail(const char *what)
{
    perror(what);
    return 1;
}

int main(void)
{
    struct uffdio_api api = {.api = UFFD_API};
    pthread_t thread;
    unsigned long sum = 0;

    for (int i = 0; i < PAGES; i++)
        memset(source + i * PAGE, i + 1, PAGE);
    uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
        return fail("userfaultfd");
    cache = mmap(NULL, PAGE * PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register reg = {.range = {(unsigned long)cache, PAGE * PAGES}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (cache == MAP_FAILED || ioctl(uffd, UFFDIO_REGISTER, &reg))
        return fail("register");
    if (pthread_create(&thread, NULL, handle_faults, NULL))
        return fail("pthread_create");
#ifdef PFF
    pff_forward_on(on_fault); /* EINVAL where nothing is forwarded: then the thread answers */
#endif
    for (int i = 0; i < PAGES; i++)
        sum += (unsigned char)cache[i * PAGE + 17];
    printf("%d pages, sum %lu\n", PAGES, sum);
    return 0;
}
