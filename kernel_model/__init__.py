"""A minimal Linux-like kernel: knows Linux's ABI, not Unicorn."""

import pffemu.compiled  # noqa: F401 - before the first module that may be compiled
