"""Output streams and target files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from pffemu.cli.terminal import GuestOutput, OutputClosed, check_writable, say, write_text
from pffemu.errors import PffemuError, UsageError


class Broken(io.BytesIO):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def flush(self) -> None:
        raise self._error


def test_guest_output_reaches_the_stream_at_once_and_clears_the_line_first() -> None:
    stream, seen = io.BytesIO(), list[bytes]()
    output = GuestOutput(stream, lambda: seen.append(stream.getvalue()))
    output.write(b"one")
    output.write(b"two")
    assert stream.getvalue() == b"onetwo"
    assert seen == [b"", b"one"]


def test_closed_pipe_and_full_disk() -> None:
    with pytest.raises(OutputClosed):
        GuestOutput(Broken(BrokenPipeError())).write(b"x")
    with pytest.raises(PffemuError, match="No space left"):
        GuestOutput(Broken(OSError(28, "No space left on device"))).write(b"x")


def test_messages_survive_a_closed_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr("sys.stderr", stream)
    say("nobody hears this")
    monkeypatch.setattr("sys.stderr", None)
    say("nor this")


def test_targets(tmp_path: Path) -> None:
    check_writable(None)
    check_writable("-")
    check_writable(tmp_path / "new")
    for bad in (tmp_path, tmp_path / "none" / "file"):
        with pytest.raises(UsageError, match="cannot write"):
            check_writable(bad)
        with pytest.raises(PffemuError, match="cannot write"):
            write_text("x", str(bad))


def test_text_to_a_file_or_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_text("hello", str(tmp_path / "file"))
    write_text("hello", "-")
    assert (tmp_path / "file").read_text() == capsys.readouterr().out == "hello\n"
