"""Breakpoints: a hook at each address, so that blocks without one cost nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import unicorn
from unicorn.unicorn_py3.unicorn import uclib

from pffemu.engine.careful_code import CODE_HOOK


class Breakpoints:
    """Breakpoints of a core. `passing`: the one that does not stop the next run, which begins there."""

    def __init__(self, handle: Any, add_hook: Callable[..., int], stop: Callable[[int], None]) -> None:
        """`stop(address)` is called when guest code has reached a breakpoint."""
        self._handle, self._add_hook, self._stop = handle, add_hook, stop
        self._hooks: dict[int, int] = {}  # by address
        self._callback = CODE_HOOK(self._before)
        self.passing: int | None = None

    def __contains__(self, address: int) -> bool:
        return address in self._hooks

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def set(self, addresses: frozenset[int]) -> bool:
        """Stop at exactly these; True when they have changed, so that translated code must be forgotten."""
        if addresses == self._hooks.keys():
            return False
        for address in self._hooks.keys() - addresses:
            uclib.uc_hook_del(self._handle, self._hooks.pop(address))
        for address in sorted(addresses.difference(self._hooks)):
            self._hooks[address] = self._add_hook(unicorn.UC_HOOK_CODE, self._callback, (address, address))
        return True

    def _before(self, _uc: object, address: int, _size: int, _user: object) -> None:
        if address == self.passing:
            self.passing = None
        else:
            self._stop(address)
