"""What runs on the cache library (guest/asm/cache.s): mechanisms and workloads as values."""
