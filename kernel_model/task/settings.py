"""What prctl sets: of a thread (task_struct, its credentials) and of an address space (mm_struct's flags)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

DEFAULT_TIMER_SLACK: Final = 50_000  # ns
KEEP_CAPS: Final = 1 << 4  # SECBIT_KEEP_CAPS
MCE_LATE, MCE_EARLY, MCE_DEFAULT = 0, 1, 2  # PR_MCE_KILL_*
MDWE_REFUSE_EXEC_GAIN, MDWE_NO_INHERIT = 1, 2


@dataclass(slots=True)
class ThreadSettings:
    """Those that nothing here acts on are kept for whoever asks."""

    parent_death_signal: int = 0  # 0: none
    timer_slack: int = DEFAULT_TIMER_SLACK  # ns; sleeps end exactly, so it changes none
    default_timer_slack: int = DEFAULT_TIMER_SLACK
    no_new_privileges: bool = False
    securebits: int = 0
    dropped_capabilities: int = 0  # of the bounding set, by bit
    tsc_faults: bool = False  # PR_TSC_SIGSEGV
    memory_failure_policy: int = MCE_DEFAULT
    is_io_flusher: bool = False

    def inherited(self) -> ThreadSettings:
        """What a thread or process that this one makes starts with."""
        return replace(self, parent_death_signal=0, default_timer_slack=self.timer_slack)

    def start_program(self) -> None:
        """execve."""
        self.securebits &= ~KEEP_CAPS


@dataclass(slots=True)
class MemorySettings:
    dumpable: int = 1
    write_execute_denied: int = 0  # PR_MDWE_*
    huge_pages_disabled: int = 0  # as PR_GET_THP_DISABLE tells it: 1, and its flags

    def inherited(self) -> MemorySettings:
        """What fork's copy starts with."""
        kept = 0 if self.write_execute_denied & MDWE_NO_INHERIT else self.write_execute_denied
        return replace(self, write_execute_denied=kept)

    def of_new_program(self) -> MemorySettings:
        """What execve's address space starts with."""
        return replace(self.inherited(), dumpable=1)

    def denies(self, old: bool, new: bool, write: bool) -> bool:
        """PR_SET_MDWE forbids it. `old`, `new`: the area was, and becomes, executable; `write`: and writable."""
        return bool(self.write_execute_denied) and new and (write or not old)
