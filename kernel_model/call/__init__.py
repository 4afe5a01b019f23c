"""A system call while it runs, and the times that calls take."""
