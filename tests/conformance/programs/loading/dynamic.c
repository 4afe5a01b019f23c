/* A program with shared libraries: constructors, TLS, dlopen, dlsym, dladdr, the auxiliary vector, brk.
   linked: dynamic */
#include "conform.h"
#include <dlfcn.h>
#include <link.h>
#include <math.h>
#include <sys/auxv.h>

static _Thread_local int x = 5;
static int order;
__attribute__((constructor)) static void begin(void) { printf("constructor %d\n", ++order); }
__attribute__((destructor)) static void end(void) { printf("destructor %d\n", ++order); fflush(stdout); }
static void *body(void *a) { x += (long)a; return (void *)(long)x; }
static int count(struct dl_phdr_info *i, size_t size, void *n) { ++*(int *)n; return 0; }

int main(int argc, char **argv)
{
    pthread_t t;
    void *r, *m;
    Dl_info info;
    int objects = 0;
    extern char _end[];
    pthread_create(&t, 0, body, (void *)3L), pthread_join(t, &r);
    printf("thread local %ld %d\n", (long)r, x);
    printf("dlsym %s\n", dlsym(RTLD_DEFAULT, "malloc") ? "found" : dlerror());
    printf("dlopen %s\n", dlopen("/nowhere/libx.so", RTLD_NOW) ? "opened" : dlerror());
    m = dlopen("libm.so.6", RTLD_NOW);
    double (*f)(double) = m ? (double (*)(double))dlsym(m, "cos") : 0;
    printf("dlopen %s %.3f\n", m ? "ok" : dlerror(), f ? f(0) : -1);
    dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info), printf("dladdr %s ", info.dli_sname); printf("in %s\n", strrchr(info.dli_fname, '/'));
    dl_iterate_phdr(count, &objects);
    printf("objects %d\n", objects - !!getauxval(AT_SYSINFO_EHDR));
    ElfW(Ehdr) *loader = (void *)getauxval(AT_BASE);
    ElfW(Phdr) *headers = (void *)getauxval(AT_PHDR);
    printf("loader %.3s type %d entry in the program %d\n", (char *)loader + 1, loader->e_type, getauxval(AT_ENTRY) > (unsigned long)headers);
    printf("first header %d of %ld bytes\n", headers[0].p_type, getauxval(AT_PHENT));
    printf("loader above the program %d, heap behind it %d\n", (char *)loader > _end, (char *)sbrk(0) >= _end);
    printf("dlclose %d\n", dlclose(m));
    if (argc == 1) { fflush(stdout), execl("/proc/self/exe", argv[0], "again", (char *)0); puts(strerror(errno)); }
    return argc;
}
