"""How a process ended: its status, or the signal it died of."""

from __future__ import annotations

from dataclasses import dataclass

from kernel_model.abi.uapi import Signal
from pffemu.hw.trap import Trap


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """The end. `signal` None: exit with `status`; otherwise that is 128 + signal. `trap`: the exception that killed."""

    status: int
    signal: Signal | None = None
    code: int = 0  # si_code of `signal`
    why: str = ""
    tid: int = 0
    cpu_index: int = 0
    rip: int = 0
    rsp: int = 0
    last_block: tuple[int, int] = (0, 0)  # of its core: start and end of the code that ran last
    trap: Trap | None = None
    in_handler: bool = False  # the thread was in its user-interrupt handler (registered, UIF=0)

    @property
    def wait_status(self) -> int:
        """As wait4 reports it; no core is ever dumped."""
        return self.status << 8 if self.signal is None else int(self.signal)
