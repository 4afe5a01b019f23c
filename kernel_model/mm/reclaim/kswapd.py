"""kswapd: eviction in the background while RAM is not short yet, so that threads seldom have to evict themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.mm.reclaim.kernel_thread import KernelThread

if TYPE_CHECKING:
    from kernel_model.mm.reclaim.file_memory import FileMemory
    from kernel_model.mm.reclaim.kernel_thread import Cores, Tlbs
    from pffemu.hw.cpu import Cpu

_TWO_WINDOWS: Final = 64


class Kswapd(KernelThread):
    """It wakes when fewer frames are free than the low watermark, and evicts up to the high one."""

    def __init__(self, memory: FileMemory, cores: Cores, tlbs: Tlbs) -> None:
        super().__init__(cores, tlbs)
        self._memory = memory

    def look(self, cpu: Cpu) -> None:
        """A frame was taken: wake if few are left."""
        if self.would_wake(0):
            self.wake(cpu)

    def would_wake(self, frames: int) -> bool:
        """Whether few frames are left once so many more are taken."""
        return self._memory.frames.free_frames - frames < self._memory.reserve + self._gap

    @property
    def _gap(self) -> int:
        """Frames between the watermarks min, low and high: a quarter of min, at least two windows of read-ahead."""
        return max(self._memory.reserve // 4, _TWO_WINDOWS)

    def work(self, cpu: Cpu) -> None:
        wanted = self._memory.reserve + 2 * self._gap - self._memory.frames.free_frames
        if wanted > 0:
            self._memory.shrink(cpu, wanted, background=True)
