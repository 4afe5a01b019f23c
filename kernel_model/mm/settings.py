"""Settings of an address space that prctl changes (mm_struct's flags)."""

from __future__ import annotations

from dataclasses import dataclass, replace

MDWE_REFUSE_EXEC_GAIN, MDWE_NO_INHERIT = 1, 2


@dataclass(slots=True)
class MemorySettings:
    dumpable: int = 1
    write_execute_denied: int = 0  # PR_MDWE_*
    coredump_filter: int = 0x33  # MMF_DUMP_*: anonymous memory, ELF headers, private huge pages
    huge_pages_disabled: int = 0  # as PR_GET_THP_DISABLE reports it: 1, and its flags

    def inherited(self) -> MemorySettings:
        """The settings that fork's copy starts with."""
        kept = 0 if self.write_execute_denied & MDWE_NO_INHERIT else self.write_execute_denied
        return replace(self, write_execute_denied=kept)

    def of_new_program(self) -> MemorySettings:
        """The settings that execve's address space starts with."""
        return replace(self.inherited(), dumpable=1)

    def denies(self, old: bool, new: bool, write: bool) -> bool:
        """Whether PR_SET_MDWE forbids a change. `old`, `new`: executable before, after; `write`: writable, too."""
        return bool(self.write_execute_denied) and new and (write or not old)
