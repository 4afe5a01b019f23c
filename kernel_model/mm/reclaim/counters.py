"""Counters of the page cache of files on disk, by /proc/vmstat's names: events since the start, in pages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class CacheCounters:
    pgscan_direct: int = 0  # by threads that needed memory
    pgsteal_direct: int = 0
    pgscan_kswapd: int = 0
    pgsteal_kswapd: int = 0
    pgactivate: int = 0
    pgdeactivate: int = 0
    pgrefill: int = 0
    pgrotated: int = 0
    workingset_refault_file: int = 0
    workingset_activate_file: int = 0
    workingset_restore_file: int = 0
    nr_dirtied: int = 0
    nr_written: int = 0
    pglazyfree: int = 0
    pglazyfreed: int = 0
    pgpgin: int = 0  # KiB, as in Linux
    pgpgout: int = 0
    allocstall_normal: int = 0  # how often a thread had to reclaim pages itself
    drop_pagecache: int = 0
