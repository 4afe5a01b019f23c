"""A row of the table of careful instructions (hw.careful)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pffemu.hw.careful_conditions import At
from pffemu.hw.trap import Trap


class Row(NamedTuple):
    """A row. `executor`: the name of a file in hw/insns; "" when the instruction raises `trap`."""

    executor: str = ""
    trap: Trap | None = None
    exact: Callable[[At], bool] | None = None
