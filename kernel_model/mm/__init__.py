"""Memory: frames, page tables, areas, the page cache, faults."""
