/* /proc/self/pagemap and PAGEMAP_SCAN: what it finds, protects under WP_ASYNC, where it stops. needs: userfaultfd */
#include "uffd.h"
struct page_region_ { __u64 start, end, categories; };
struct scan_arg { __u64 size, flags, start, end, walk_end, vec, vec_len, max_pages, category_inverted, category_mask, category_anyof_mask, return_mask; };
#define SCAN _IOWR('f', 16, struct scan_arg)
static int pm;
static void entries(const char *what, int first, int pages)
{
    printf("%s:", what);
    for (int i = first; i < first + pages; i++) {
        unsigned long e = 0;
        pread(pm, &e, 8, ((unsigned long)AT(i) / PAGE) * 8);
        printf(" %lx", e >> 55);
    }
    puts("");
}
static void scan(const char *what, struct scan_arg a)
{
    struct page_region_ v[8];
    memset(v, 0, sizeof v);
    if (!a.size) a.size = sizeof a;
    if (a.vec_len == 0 && !a.vec) { a.vec = (long)v; a.vec_len = 8; }
    long r = ioctl(pm, SCAN, &a);
    printf("%s = %s %ld, walk_end %+ld\n", what, r < 0 ? errno_name(errno) : "ok", r, a.walk_end ? (long)a.walk_end - (long)AREA : -1);
    for (int i = 0; i < r; i++) printf("   %ld..%ld %llx\n", (long)(v[i].start - (long)AREA)/4096, (long)(v[i].end - (long)AREA)/4096, v[i].categories);
}
int main(void)
{
    pm = open("/proc/self/pagemap", O_RDONLY);
    map_at(0, 16, RW);
    *AT(0) = 1; (void)*(volatile char *)AT(1); *AT(2) = 1;
    entries("plain", 0, 6);
    madvise(AT(3), PAGE, 102);
    int fd = memfd_create("x", 0); ftruncate(fd, 4 * PAGE);
    mmap(AT(8), 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    mmap(AT(12), 2 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0);
    *AT(8) = 1; (void)*(volatile char *)AT(9); (void)*(volatile char *)AT(12); *AT(13) = 1;
    mprotect(AT(2), PAGE, PROT_NONE);
    entries("more", 0, 16);
    #define ALL_ 0x1ff
    scan("all", (struct scan_arg){.start = (long)AT(0), .end = (long)AT(16), .return_mask = ALL_});
    scan("present", (struct scan_arg){.start = (long)AT(0), .end = (long)AT(16), .category_mask = 8, .return_mask = ALL_});
    scan("not present", (struct scan_arg){.start = (long)AT(0), .end = (long)AT(16), .category_inverted = 8, .category_mask = 8, .return_mask = ALL_});
    scan("written or file", (struct scan_arg){.start = (long)AT(0), .end = (long)AT(16), .category_anyof_mask = 6, .return_mask = 6});
    scan("two pages", (struct scan_arg){.start = (long)AT(0), .end = (long)AT(16), .category_mask = 8, .return_mask = 8, .max_pages = 2});
    scan("check", (struct scan_arg){.start = (long)AT(0), .end = (long)AT(16), .flags = 2, .return_mask = ALL_});
    scan("wp", (struct scan_arg){.start = (long)AT(0), .end = (long)AT(16), .flags = 1, .return_mask = ALL_});
    scan("bad size", (struct scan_arg){.size = 8, .start = (long)AT(0), .end = (long)AT(16), .return_mask = ALL_});
    scan("bad flags", (struct scan_arg){.flags = 4, .start = (long)AT(0), .end = (long)AT(16), .return_mask = ALL_});
    scan("bad mask", (struct scan_arg){.start = (long)AT(0), .end = (long)AT(16), .return_mask = 0x400});
    scan("unaligned", (struct scan_arg){.start = (long)AT(0)+1, .end = (long)AT(16), .return_mask = ALL_});
    scan("unaligned end", (struct scan_arg){.start = (long)AT(0), .end = (long)AT(2)+1, .return_mask = ALL_});
    scan("reverse", (struct scan_arg){.start = (long)AT(2), .end = (long)AT(0), .return_mask = ALL_});
    scan("empty", (struct scan_arg){.start = (long)AT(2), .end = (long)AT(2), .return_mask = ALL_});
    scan("hole", (struct scan_arg){.start = (long)AT(20), .end = (long)AT(22), .return_mask = ALL_});
    scan("kernel", (struct scan_arg){.start = 1UL<<47, .end = (1UL<<47) + PAGE, .return_mask = ALL_});
    scan("bad vec", (struct scan_arg){.start = (long)AT(0), .end = (long)AT(2), .vec = 8, .vec_len = 4, .return_mask = ALL_});
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_WP_ASYNC);
    REGISTER(AT(4), 12 * PAGE, WP);
    *AT(4) = 1; *AT(6) = 1;
    scan("wp-able", (struct scan_arg){.start = (long)AT(0), .end = (long)AT(16), .category_mask = 1, .return_mask = ALL_});
    scan("protect", (struct scan_arg){.start = (long)AT(4), .end = (long)AT(16), .flags = 3, .category_mask = 3, .return_mask = ALL_});
    entries("protected", 4, 12);
    scan("written", (struct scan_arg){.start = (long)AT(4), .end = (long)AT(16), .flags = 2, .category_mask = 2, .return_mask = ALL_});
    *AT(4) = 2; *AT(5) = 2; *AT(8) = 3; *AT(11) = 3; (void)*(volatile char *)AT(7);
    scan("written", (struct scan_arg){.start = (long)AT(4), .end = (long)AT(16), .flags = 2, .category_mask = 2, .return_mask = ALL_});
    scan("written, again, protect", (struct scan_arg){.start = (long)AT(4), .end = (long)AT(16), .flags = 3, .category_mask = 2, .return_mask = 2});
    scan("written", (struct scan_arg){.start = (long)AT(4), .end = (long)AT(16), .flags = 2, .category_mask = 2, .return_mask = ALL_});
    scan("all", (struct scan_arg){.start = (long)AT(4), .end = (long)AT(16), .flags = 2, .return_mask = ALL_});
    scan("protect all", (struct scan_arg){.start = (long)AT(4), .end = (long)AT(16), .flags = 1, .return_mask = ALL_});
    scan("protect, one region", (struct scan_arg){.start = (long)AT(0), .end = (long)AT(16), .flags = 1, .return_mask = ALL_, .vec_len=1, .vec=(long)AT(15)});
    entries("protected", 0, 16);
    SHOW(pread(pm, AT(15), 7, 0)); SHOW(pread(pm, AT(15), 8, 4)); SHOW(pread(pm, AT(15), 16, ((1UL<<47)/4096 - 1) * 8)); SHOW(pread(pm, AT(15), 16, (1UL<<47)/4096 * 8));
    SHOW(lseek(pm, 8, SEEK_SET)); SHOW(read(pm, AT(15), 16)); SHOW(lseek(pm, 0, SEEK_CUR)); SHOW(ioctl(pm, 0x1234, 0)); SHOW(lseek(pm, 0, SEEK_END));
    return 0;
}
