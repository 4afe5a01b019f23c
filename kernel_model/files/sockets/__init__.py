"""Sockets inside the machine: AF_UNIX, and AF_INET and AF_INET6 over its one interface, lo. No packet leaves it."""
