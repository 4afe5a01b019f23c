"""Threads and processes: what belongs to them."""
