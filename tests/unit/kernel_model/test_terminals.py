"""Pseudo-terminals: their number is limited, and snapshots hold them."""

from __future__ import annotations

import io
from pathlib import Path

from kernel_model.abi.uapi import Errno
from pffemu import Exited
from pffemu.state import snapshot, snapshot_file
from pffemu.state.machine_hash import machine_hash
from tests.guest_tools import load, plain_guest, run

_OPEN = "mov eax, SYS_open\nlea rdi, [rip + ptmx]\nmov esi, 2\nsyscall\n"
_LEAVE = "mov edi, eax\nneg edi\njmp leave_with_edi\n"
_IOCTL = "mov eax, SYS_ioctl\nmov edi, ebx\nmov esi, {request:#x}\nmov edx, {argument}\nsyscall\n"


def test_terminals_are_limited_by_ram_and_free_again_with_their_process() -> None:
    limit = "mov eax, SYS_setrlimit\nmov edi, 7\nlea rsi, [rip + limit]\nsyscall\n"
    body = limit + "more: " + _OPEN + "test eax, eax\njns more\n" + _LEAVE
    data = 'limit: .quad 65536, 65536\nptmx: .asciz "/dev/ptmx"\n'
    done = run(plain_guest(body, data))
    assert done.stop == Exited(Errno.ENOSPC)
    terminals = done.machine.kernel.terminals
    assert not terminals.by_number
    assert list(terminals.directory.nodes) == [b"ptmx"]


def test_a_terminal_with_text_on_its_way_goes_on_from_a_snapshot(tmp_path: Path) -> None:
    """A child types half a line, and its other half later; the parent waits for the line."""
    body = (
        _OPEN + "mov ebx, eax\n"
        + "mov eax, SYS_ioctl\nmov edi, ebx\nmov esi, 0x40045431\nlea rdx, [rip + zero]\nsyscall\n"
        + _IOCTL.format(request=0x5441, argument="2") + "mov ebp, eax\n"
        + "mov eax, SYS_fork\nsyscall\ntest eax, eax\njz child\n"
        + "mov eax, SYS_read\nmov edi, ebp\nlea rsi, [rip + text]\nmov edx, 64\nsyscall\n"
        + "mov edx, eax\nmov eax, SYS_write\nmov edi, 1\nlea rsi, [rip + text]\nsyscall\n"
        + "xor eax, eax\njmp leave\n"
        + "child: mov eax, SYS_write\nmov edi, ebx\nlea rsi, [rip + half]\nmov edx, 4\nsyscall\n"
        + "mov ecx, 500\nspin: loop spin\n"
        + "mov eax, SYS_write\nmov edi, ebx\nlea rsi, [rip + half + 4]\nmov edx, 4\nsyscall\n"
        + "mov eax, SYS_read\nmov edi, ebx\nlea rsi, [rip + text]\nmov edx, 64\nsyscall\n"
        + "xor eax, eax\nleave: " + _LEAVE
    )  # fmt: skip
    data = 'zero: .quad 0\nptmx: .asciz "/dev/ptmx"\nhalf: .ascii "one two\\n"\ntext: .zero 64\n'
    done = load(plain_guest(body, data))
    done.machine.run(400)
    terminal = done.machine.kernel.terminals.by_number[0]
    assert bytes(terminal.line.input.data) == b"one "
    assert bytes(terminal.written) == b"one "
    path = tmp_path / "state"
    snapshot_file.save(done.machine, path)
    kept = snapshot.take(done.machine)
    assert done.machine.run() == Exited(0)
    after, text = machine_hash(done.machine), done.output.getvalue()
    assert text == b"one two\n"
    snapshot.put_back(done.machine, kept)
    assert done.machine.run() == Exited(0)
    assert machine_hash(done.machine) == after
    out = io.BytesIO()
    again = snapshot_file.restore(path, stdout=out, stderr=io.BytesIO())
    assert again.run() == Exited(0)
    assert machine_hash(again) == after
    assert out.getvalue() == text
