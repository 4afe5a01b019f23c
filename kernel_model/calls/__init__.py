"""The system calls, a file for each group, and their table."""
