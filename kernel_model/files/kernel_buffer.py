"""A buffer inside the kernel that files read from and write to as they do with user memory: sendfile's way."""

from __future__ import annotations

from kernel_model.files.user_buffer import UserBuffer


class KernelBuffer(UserBuffer):
    """`data` is what a file put in, or what one is to take out; `size`: bytes left of it, or room."""

    def __init__(self, size: int = 0, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.size = size or len(data)

    def gather(self, limit: int) -> bytes:
        return bytes(self.data[: min(limit, self.size)])

    def bring_in(self) -> int:
        return self.size

    def room(self, limit: int) -> int:
        return min(limit, self.size)

    def scatter(self, data: bytes) -> None:
        self.data += data

    def skip(self, count: int) -> None:
        """Also after `scatter`, which appends: then there is less room."""
        self.size -= count


class KernelSource(KernelBuffer):
    """Bytes that a file is to take."""

    def skip(self, count: int) -> None:
        super().skip(count)
        del self.data[:count]
