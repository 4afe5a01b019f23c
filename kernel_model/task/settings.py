"""Settings of a thread that prctl changes (task_struct and its credentials)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

DEFAULT_TIMER_SLACK: Final = 50_000  # ns
KEEP_CAPS: Final = 1 << 4  # SECBIT_KEEP_CAPS
MCE_LATE, MCE_EARLY, MCE_DEFAULT = 0, 1, 2  # PR_MCE_KILL_*


@dataclass(slots=True)
class ThreadSettings:
    """Settings that have no effect here are kept and reported."""

    parent_death_signal: int = 0  # 0: none
    timer_slack: int = DEFAULT_TIMER_SLACK  # ns, of futex timeouts; other sleeps end exactly
    default_timer_slack: int = DEFAULT_TIMER_SLACK
    no_new_privileges: bool = False
    securebits: int = 0
    dropped_capabilities: int = 0  # of the bounding set, by bit
    tsc_faults: bool = False  # PR_TSC_SIGSEGV
    memory_failure_policy: int = MCE_DEFAULT
    is_io_flusher: bool = False

    def inherited(self) -> ThreadSettings:
        """The settings that a new thread or process of this thread starts with."""
        return replace(self, parent_death_signal=0, default_timer_slack=self.timer_slack)

    def set_timer_slack(self, wanted: int, *, real_time: bool) -> None:
        """`wanted` nanoseconds; 0: the initial slack. Real-time policies have none."""
        self.timer_slack = 0 if real_time else wanted or self.default_timer_slack

    def start_program(self) -> None:
        """execve resets what belongs to the old program."""
        self.securebits &= ~KEEP_CAPS
