"""The memory hierarchy: caches, TLBs, prefetcher and overlap of misses, as an option (`--memory caches`).

Read in this order: layout, sets, fetch, prefetch, overlap, access, caches.
"""
