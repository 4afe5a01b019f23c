"""The user-fault registers of a core (UserFault, KrakOS), which the kernel switches with the thread."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class UserFaultState:
    """The user-fault state of the running thread."""

    enabled: bool = False  # CR4.UFAULT: the instructions exist, and UFF counts
    uff: bool = False  # user-fault flag: page faults of ring 3 enter the handler
    handler: int = 0  # IA32_UFAULT_HANDLER
