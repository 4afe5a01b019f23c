"""The results of cases, as the driver wrote them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle import layout


def split(octets: bytes) -> list[bytes]:
    """One record a case."""
    size = layout.RESULT_SIZE
    return [octets[at : at + size] for at in range(0, len(octets) - size + 1, size)]


@dataclass(frozen=True, slots=True)
class Left:
    """A record, read. `signal` 0: the code came to its end."""

    signal: int
    si_code: int
    si_addr: int
    frames: tuple[tuple[int, ...], ...]  # of forwarded faults
    segments: dict[str, int]
    gregs: dict[str, int]
    fx: bytes
    memory: bytes


def read(record: bytes) -> Left:
    """Raises struct.error when it is none."""
    words = layout.RESULT_HEAD.unpack_from(record)
    signal, si_code, si_addr, logged = words[:4]
    at = layout.RESULT_LOG_AT
    frames = tuple(
        layout.FRAME.unpack_from(record, at + i * layout.FRAME.size) for i in range(min(logged, layout.LOG_FRAMES))
    )
    fx_at, memory_at = layout.RESULT_FX_AT, layout.RESULT_MEMORY_AT
    return Left(
        signal,
        si_code,
        si_addr,
        frames,
        dict(zip(("ds", "es", "fs", "gs", "ss", "cs"), words[4:10], strict=True)),
        dict(zip(layout.GREGS, words[10:], strict=True)),
        record[fx_at:memory_at],
        record[memory_at:at],
    )
