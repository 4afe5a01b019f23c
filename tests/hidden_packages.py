"""Packages that a test takes away, as if they were not installed."""

from __future__ import annotations

import sys

import pytest


def hide(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every import of `package` and of its modules raise ImportError, also of those that are imported already.

    `import a.b.c` asks sys.modules for a.b.c itself first: None for `a` alone hides nothing that is loaded.
    """
    for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)
