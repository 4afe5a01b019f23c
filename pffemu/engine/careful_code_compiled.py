"""The quick hooks of careful instructions as native code (numba); semantics: careful_code."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from pffemu.engine.careful_code import HOST, RAX, READ, REGISTERS, RIP, SAVED, VALUES, WORDS
from pffemu.engine.compiled_callback import call_with_four, compile_callback, words

_COUNT = len(SAVED)


@register_jitable(inline="always")  # type: ignore[untyped-decorator]
def _saved(uc: Any, address: Any, user: Any) -> Any:
    """The words at `user`, once RIP, RAX and RFLAGS are saved there."""
    state = words(user, WORDS)
    call_with_four(state[READ], uc, state[REGISTERS], state[VALUES], _COUNT)
    state[RIP] = address
    return state


def _save_hook(uc: Any, address: Any, size: Any, user: Any) -> None:
    _saved(uc, address, user)


def _check_hook(uc: Any, address: Any, size: Any, user: Any) -> None:
    state = _saved(uc, address, user)
    if state[RAX] >> 32 != 0:
        call_with_four(state[HOST], uc, address, size, user)


def hooks() -> dict[str, Any]:
    """The hooks, compiled now (native_code.hooks)."""
    return {
        "SAVE_HOOK": compile_callback(_save_hook, "void", "int64 int64 int32 int64"),
        "CHECK_HOOK": compile_callback(_check_hook, "void", "int64 int64 int32 int64"),
    }
