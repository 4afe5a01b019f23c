"""The hardware of page fault forwarding: one block of its figure a file."""
