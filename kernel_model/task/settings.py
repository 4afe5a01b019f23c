"""What prctl sets of a thread (task_struct and its credentials)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

DEFAULT_TIMER_SLACK: Final = 50_000  # ns
KEEP_CAPS: Final = 1 << 4  # SECBIT_KEEP_CAPS
MCE_LATE, MCE_EARLY, MCE_DEFAULT = 0, 1, 2  # PR_MCE_KILL_*


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
