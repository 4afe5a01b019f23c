"""A machine as a value: snapshots of all it consists of, their files, and one hash of it."""
