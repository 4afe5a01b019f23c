"""Communication between processes: System V IPC (ipc/), POSIX message queues."""
