"""/proc/PID/pagemap: its entries (Documentation/admin-guide/mm/pagemap.rst) and PAGEMAP_SCAN (linux/fs.h)."""

from __future__ import annotations

from typing import Final

PM_PRESENT: Final = 1 << 63
PM_SWAP: Final = 1 << 62  # also set for markers
PM_FILE: Final = 1 << 61
PM_GUARD_REGION: Final = 1 << 58
PM_UFFD_WP: Final = 1 << 57
PM_MMAP_EXCLUSIVE: Final = 1 << 56

PAGEMAP_SCAN: Final = 3 << 30 | 96 << 16 | ord("f") << 8 | 16
PM_SCAN_WP_MATCHING: Final = 1
PM_SCAN_CHECK_WPASYNC: Final = 2

PAGE_IS_WPALLOWED: Final = 1 << 0
PAGE_IS_WRITTEN: Final = 1 << 1
PAGE_IS_FILE: Final = 1 << 2
PAGE_IS_PRESENT: Final = 1 << 3
PAGE_IS_SWAPPED: Final = 1 << 4
PAGE_IS_PFNZERO: Final = 1 << 5
PAGE_IS_HUGE: Final = 1 << 6
PAGE_IS_SOFT_DIRTY: Final = 1 << 7
PAGE_IS_GUARD: Final = 1 << 8
PAGE_CATEGORIES: Final = (1 << 9) - 1
