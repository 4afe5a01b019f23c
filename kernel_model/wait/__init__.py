"""Wait queues and locks."""
