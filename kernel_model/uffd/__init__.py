"""userfaultfd (fs/userfaultfd.c, mm/userfaultfd.c) as Linux 6.18 has it.

`context` is the file: faults that wait, messages, poll. `events` has the messages about fork, mremap, madvise and
munmap. One module a group of ioctls: `register`, `fill` (COPY, ZEROPAGE, CONTINUE, POISON), `move`,
`protect` (WRITEPROTECT); `ioctls` is their table. `calls` has the system call and /dev/userfaultfd.
"""
