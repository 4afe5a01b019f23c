"""A buffer inside the kernel that files use in place of user memory (sendfile, splice)."""

from __future__ import annotations

from kernel_model.files.user_buffer import UserBuffer


class KernelBuffer(UserBuffer):
    """The buffer. `data`: bytes that a file has put in, or is to take out; `size`: room, or bytes, left."""

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

    def limit(self, size: int) -> None:
        self.size = min(self.size, size)

    def skip(self, count: int) -> None:
        """Count `count` bytes as done; after `scatter`, which appends, that is less room."""
        self.size -= count


class KernelSource(KernelBuffer):
    """Bytes that a file is to take."""

    def skip(self, count: int) -> None:
        super().skip(count)
        del self.data[:count]
