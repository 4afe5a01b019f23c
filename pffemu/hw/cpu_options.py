"""The options of a core."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from pffemu.arch.frames import FrameLayout
from pffemu.errors import UsageError
from pffemu.hw.memory.layout import Bound
from pffemu.hw.mmu import UffdLookup
from pffemu.option_values import check_types
from pffemu.timing import Profile, load_profile


class Delivery(Enum):
    """The pipeline's treatment of instructions in flight when a user interrupt is delivered (xUI's strategies)."""

    FLUSH = "flush"
    DRAIN = "drain"
    TRACKED = "tracked"


class Memory(Enum):
    """What loads and stores cost: the same everywhere, or by a memory hierarchy, with bounds of how misses overlap."""

    FLAT = "flat"
    CACHES = "caches"
    SERIAL = "caches-serial"
    OVERLAPPED = "caches-overlapped"

    @property
    def bound(self) -> Bound:
        """Of the hierarchy, in one that has it."""
        return {Memory.SERIAL: Bound.SERIAL, Memory.OVERLAPPED: Bound.OVERLAPPED}.get(self, Bound.PROFILE)


@dataclass(frozen=True, slots=True)
class CpuOptions:
    """The options of a core. The defaults are those of the machine in docs/design.md."""

    flexible_uiret: bool = False  # CPUID.(7,1):EDX[17]: UIRET loads UIF from bit 1 of the popped RFLAGS
    frame_layout: FrameLayout = FrameLayout.VECTOR_FIRST
    mask_fault_address: bool = False  # the prototype clears the low 12 bits of the frame's address
    user_faults: bool = False  # CPUID.(7,0):EDX[6]: UserFault's instructions and delivery
    uffd_lookup: UffdLookup = UffdLookup.RANGES
    delivery: Delivery = Delivery.FLUSH  # sets the cost of a delivery and nothing else
    profile: Profile = field(default_factory=load_profile)  # costs
    counting: bool = True  # exact instruction counts; without, no budget, no preemption, no interrupts on time
    upid_blkd: bool = True  # bit 7 of a UPID is Linux's BLKD; False: reserved, #GP in SENDUIPI (SDM)
    check_alignment: bool = False  # #GP for a misaligned 16-byte operand of SSE; costs much in code that has them
    exact_float: bool = False  # every float instruction as on the CPU, to the last bit; slow
    memory: Memory = Memory.FLAT  # a memory hierarchy needs counting
    # use numba; None: if it is installed and PFFEMU_JIT is not 0, once the guest has run for a while
    compiled: bool | None = None

    def __post_init__(self) -> None:
        check_types(self)
        if self.memory is not Memory.FLAT and not self.counting:
            raise UsageError("a memory hierarchy needs instruction counting", remedy="do not switch counting off")
