"""Numbers, structures and names of Linux's ABI."""
