"""TraceWriter: Perfetto's protobuf format (TrackEvent), through its own library (extra: trace)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from pffemu.errors import MissingExtraError
from pffemu.report.lanes import Group, Track

_SEQUENCE: Final = 1


class PerfettoTrace:
    """Writes each event to `file`; times are ns, rounded down. Raises MissingExtraError."""

    def __init__(self, file: BinaryIO, frequency: int) -> None:
        try:
            from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TrackEvent
            from perfetto.trace_builder.proto_builder import StreamingTraceProtoBuilder
        except ImportError as error:
            raise MissingExtraError("perfetto", "trace", where=".pftrace", otherwise="write a .json") from error
        self._kinds, self._builder = TrackEvent, StreamingTraceProtoBuilder(file)
        self._frequency = frequency
        self._uuids: dict[Track, int] = {}
        for number, group in enumerate(Group, 1):
            self._describe(number, group.value, 0)

    def begin(self, track: Track, time: int, name: str, arguments: Mapping[str, Any], flow: int) -> None:
        self._event(self._kinds.TYPE_SLICE_BEGIN, track, time, name, arguments, flow)

    def end(self, track: Track, time: int) -> None:
        self._event(self._kinds.TYPE_SLICE_END, track, time, "", {}, 0)

    def instant(self, track: Track, time: int, name: str, arguments: Mapping[str, Any], flow: int) -> None:
        self._event(self._kinds.TYPE_INSTANT, track, time, name, arguments, flow)

    def close(self) -> None:
        """Do nothing: every packet has been written."""

    def _event(self, kind: int, track: Track, time: int, name: str, arguments: Mapping[str, Any], flow: int) -> None:
        uuid = self._uuid(track)
        packet = self._builder.create_packet()
        packet.timestamp = time * 10**9 // self._frequency
        packet.trusted_packet_sequence_id = _SEQUENCE
        event = packet.track_event
        event.type, event.track_uuid = kind, uuid
        if name:
            event.name = name
        if flow:
            event.flow_ids.append(flow)
        for key, value in arguments.items():
            annotation = event.debug_annotations.add()
            annotation.name = key
            if isinstance(value, int):
                annotation.int_value = value
            else:
                annotation.string_value = str(value)
        self._builder.write_packet(packet)

    def _uuid(self, track: Track) -> int:
        if track not in self._uuids:
            self._uuids[track] = len(Group) + len(self._uuids) + 1
            self._describe(self._uuids[track], track.name, list(Group).index(track.group) + 1)
        return self._uuids[track]

    def _describe(self, uuid: int, name: str, parent: int) -> None:
        packet = self._builder.create_packet()
        packet.trusted_packet_sequence_id = _SEQUENCE
        packet.track_descriptor.uuid = uuid
        packet.track_descriptor.name = name
        if parent:
            packet.track_descriptor.parent_uuid = parent
        self._builder.write_packet(packet)
