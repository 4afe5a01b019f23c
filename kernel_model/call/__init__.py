"""A system call while it runs, and its time arguments."""
