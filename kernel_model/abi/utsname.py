"""What uname reports, and the files of /proc that repeat it (linux/utsname.h)."""

from __future__ import annotations

from typing import Final

SYSTEM: Final = "Linux"
NODE: Final = "pffemu"
RELEASE: Final = "6.18.0"
VERSION: Final = "#1 SMP PREEMPT_DYNAMIC"
MACHINE: Final = "x86_64"
DOMAIN: Final = "(none)"
