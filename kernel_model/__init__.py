"""A minimal Linux-like kernel: knows Linux's ABI, not Unicorn."""
