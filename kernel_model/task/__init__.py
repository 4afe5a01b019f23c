"""Threads and processes, and what belongs to them."""
