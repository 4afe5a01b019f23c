"""Unicorn's uc_hook_add through ctypes: the Python binding can neither take a C callback nor hook RDTSC."""

from __future__ import annotations

import ctypes
from typing import Final

from unicorn.unicorn_py3.unicorn import uclib

from pffemu.errors import EngineError

EVERYWHERE: Final = (1, 0)  # a span that begins behind its end


def add_hook(
    engine: ctypes.c_void_p, kind: int, callback: int, user: int, span: tuple[int, int], instruction: int = 0
) -> int:
    """Add a hook: the C function at `callback`, called with `user`; `span`: first and last address, or EVERYWHERE.

    Returns the hook, for uc_hook_del. Raises EngineError.
    """
    hook = ctypes.c_size_t()
    status = uclib.uc_hook_add(
        engine, ctypes.byref(hook), kind, ctypes.c_void_p(callback), ctypes.c_void_p(user),
        ctypes.c_uint64(span[0]), ctypes.c_uint64(span[1]), ctypes.c_int(instruction),
    )  # fmt: skip
    if status:
        raise EngineError(f"Unicorn refuses hook {kind}", remedy="install unicorn 2.1.4")
    return hook.value
