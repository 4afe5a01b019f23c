"""Linux's own judges: test programs of LTP and of the kernel, run natively and in pffemu, and compared."""
