"""C programs that must print the same on this host's Linux and in pffemu. README.md: how to add one."""
