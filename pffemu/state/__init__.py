"""A machine's state as a value: snapshots, their files, and a hash."""
