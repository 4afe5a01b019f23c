"""TraceWriter: Chrome's JSON trace format (B, E, i, s/t/f and M records), which Perfetto's viewer opens too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TextIO

from pffemu.report.lanes import Group, Track

_PS_PER_US: Final = 1_000_000
_APART: Final = 1_000_000  # numbers of groups, beyond those of tracks: viewers call a thread of the same number "main"


class ChromeTrace:
    """Writes each event to `file`. The format's process is a group of tracks, its thread a track."""

    def __init__(self, file: TextIO, frequency: int) -> None:
        self._file, self._frequency = file, frequency
        self._numbers: dict[Track, int] = {}
        self._begun: set[int] = set()  # flows
        self._first = True
        file.write('{"displayTimeUnit": "ns", "traceEvents": [')

    def begin(self, track: Track, time: int, name: str, arguments: Mapping[str, Any], flow: int) -> None:
        self._record("B", track, time, name=name, args=dict(arguments))
        self._flow(track, time, flow)

    def end(self, track: Track, time: int) -> None:
        self._record("E", track, time)

    def instant(self, track: Track, time: int, name: str, arguments: Mapping[str, Any], flow: int) -> None:
        self._record("i", track, time, name=name, args=dict(arguments), s="t")
        self._flow(track, time, flow)

    def close(self) -> None:
        self._file.write("\n]}\n")

    def _flow(self, track: Track, time: int, flow: int) -> None:
        if flow:
            phase = "t" if flow in self._begun else "s"
            self._begun.add(flow)
            self._record(phase, track, time, name="fault", cat="fault", id=flow)

    def _record(self, phase: str, track: Track, time: int, **fields: Any) -> None:
        process = (list(Group).index(track.group) + 1) * _APART
        if track not in self._numbers:
            self._numbers[track] = len(self._numbers) + 1
            self._name(process, track)
        ps = time * 10**12 // self._frequency
        self._write({"ph": phase, "pid": process, "tid": self._numbers[track], **fields}, ps)

    def _name(self, process: int, track: Track) -> None:
        for name, text in (("process_name", track.group.value), ("thread_name", track.name)):
            self._write(
                {"ph": "M", "pid": process, "tid": self._numbers[track], "name": name, "args": {"name": text}}, 0
            )

    def _write(self, record: dict[str, Any], ps: int) -> None:
        line = json.dumps(record)[:-1]
        separator = "\n" if self._first else ",\n"
        self._first = False
        self._file.write(f'{separator}{line}, "ts": {ps // _PS_PER_US}.{ps % _PS_PER_US:06d}}}')
