"""Page cache of files on disk under memory pressure (mm/vmscan.c, mm/workingset.c, mm/page-writeback.c)."""
