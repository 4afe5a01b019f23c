"""Pseudo-terminals (drivers/tty): pairs of ends, the line discipline between them, job control, /dev/pts."""
