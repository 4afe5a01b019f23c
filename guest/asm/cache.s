# A cache of a file's pages: one library, many mechanisms. A workload is written once and does not know which it runs on.
#   GET KIND     rdi page -> rax its address (the macros of access.inc; a macro's KIND is how pages are reached)
#   PUT KIND     the page is no longer used. A thread holds one page at a time.
#   DIRTY KIND   rdi page: the thread is about to store to the page it holds
#   cache_fill, cache_sync, cache_flush, evict: core.s
# guest/caching/mechanisms.py says which machine offers each mechanism; CONTRIBUTING.md has the recipe for another one.
# A workload includes this file last. threads.s starts it.

.include "paging.s"
.include "cache/core.s"
.include "cache/policy.s"
.include "cache/threads.s"
.include "cache/frames.s"
.include "cache/kernel.s"
.include "cache/pin.s"
.include "cache/swizzle.s"
.include "cache/sigsegv.s"
.include "cache/uffd_pages.s"
.include "cache/uffd.s"
.include "cache/uffd-sigbus.s"
.include "cache/upcall.s"
.include "cache/pff.s"
.include "cache/hw.s"
.include "cache/daemon.s"
.include "cache/userfault.s"
.include "cache/exmap.s"
.include "cache/kernel-policy.s"

.data
mechanisms:                         # each begins with its name
    .quad kernel_mechanism, pin_mechanism, swizzle_mechanism, sigsegv_mechanism
    .quad uffd_mechanism, uffd_sigbus_mechanism, upcall_mechanism, pff_mechanism, hw_mechanism, daemon_mechanism
    .quad userfault_mechanism, exmap_mechanism, kernel_policy_mechanism
    .quad 0
