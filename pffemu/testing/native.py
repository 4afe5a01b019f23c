"""Oracle mode: a block that needs only x86-64 and plain system calls also runs on the host's own CPU.

The same bytes run at the same addresses, in a sandboxed child process (native_code); its final registers, .data, .bss
and regions are compared with the machine's. Addresses of the stack differ by a constant.
"""

from __future__ import annotations

import os
import platform
import resource
import signal
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from kernel_model.abi.uapi import PROT_WRITE
from kernel_model.mechanisms import Mode
from pffemu.arch.own_instructions import OWN_INSTRUCTIONS
from pffemu.arch.paging import PAGE_SIZE, USER_END
from pffemu.arch.rflags import CF, DF, OF, PF, SF, ZF
from pffemu.asm import assemble, decode
from pffemu.asm.program import Section
from pffemu.errors import UsageError
from pffemu.inspect.expressions import MASK
from pffemu.inspect.wide import XMM
from pffemu.machine.stop import Exited, Killed
from pffemu.testing.blocks import BEGIN, END
from pffemu.testing.elf_writer import static_elf
from pffemu.testing.native_code import BASE, REGISTERS, STACK_SIZE, STACK_TOP, native_source, saved_size
from pffemu.testing.runner import Run, register_values

TIMEOUT: Final = 5  # seconds
_MOST_MEMORY: Final = 1 << 20  # bytes compared
_FLAGS: Final = CF | PF | ZF | SF | DF | OF  # AF is undefined after most logic
_DELTA: Final = USER_END - STACK_TOP  # from the host's stack to the machine's
_ELSEWHERE: Final = frozenset({*OWN_INSTRUCTIONS, "cpuid", "rdtsc", "rdtscp", "sgdt", "sidt"})


@dataclass(frozen=True, slots=True)
class _Left:
    """The result on the host's CPU: `status` as in subprocess, and the dump if the block reached its end."""

    status: int
    stdout: bytes
    dump: bytes


def compare_with_host(run: Run) -> bool:
    """Run the block on the host, too; differences become failures. False when the block cannot run there."""
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        raise UsageError("--pffemu-native needs Linux on x86-64", remedy="leave the option out")
    pieces = _pieces(run)
    if not _is_plain(run) or sum(size for _, size in pieces) > _MOST_MEMORY:
        return False
    left = _run_here(run, pieces)
    if left.status == -signal.SIGSYS:  # a system call outside the sandbox
        return False
    where = f"{run.case.block.file}:{run.case.block.first}"
    for difference in _differences(run, left, pieces):
        run.fail(where, "the same on this host's CPU", difference)
    return True


def _is_plain(run: Run) -> bool:
    """Whether the block uses nothing that only this machine has, and ends in a way possible on the host."""
    setup, claims = run.case.setup, run.case.claims
    special = (setup.forward, setup.signals, setup.threads, setup.state, setup.arguments, setup.regions)
    if any(special) or claims.deadlock or claims.survived or not setup.native or setup.libc:
        return False
    if setup.mode is not Mode.PFF or setup.cpus > 1:
        return False
    if any(area.uffd for area in setup.areas) or not (run.reached_end or isinstance(run.stop, Exited | Killed)):
        return False
    for section in run.program.sections:
        for line in run.program.lines:
            if section.executable and section.address <= line.address < section.address + section.size:
                start = line.address - section.address
                instruction = decode(section.data[start : start + line.size], line.address)
                if instruction is not None and instruction.mnemonic in _ELSEWHERE:
                    return False
    return True


def _pieces(run: Run) -> list[tuple[int, int]]:
    """(address, bytes) of the compared memory."""
    sections = [(section.address, section.size) for section in run.program.sections if section.writable]
    return sections + [(area.start, area.size) for area in run.case.setup.areas if area.prot & PROT_WRITE]


def _run_here(run: Run, pieces: list[tuple[int, int]]) -> _Left:
    with tempfile.TemporaryDirectory(prefix="pffemu-native-") as folder, tempfile.TemporaryFile() as dump:
        path = Path(folder) / "block"
        path.write_bytes(_executable(run, pieces, dump.fileno()))
        path.chmod(0o700)
        done = subprocess.run(
            [str(path)], input=run.case.setup.stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={},
            cwd=folder, pass_fds=(dump.fileno(),), preexec_fn=_limit, timeout=2 * TIMEOUT, check=False,
        )  # fmt: skip
        return _Left(done.returncode, done.stdout, os.pread(dump.fileno(), 2 * _MOST_MEMORY, 0))


def _limit() -> None:
    """Set the child's limits, before it executes the block."""
    resource.setrlimit(resource.RLIMIT_CPU, (TIMEOUT, TIMEOUT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * _MOST_MEMORY, 2 * _MOST_MEMORY))


def _executable(run: Run, pieces: list[tuple[int, int]], dump_fd: int) -> bytes:
    areas = [(area.start, area.size, area.prot) for area in run.case.setup.areas]
    before = words_of(run.before)
    registers = {name: _to_host(before[name]) for name in REGISTERS}
    source = native_source(areas, pieces, registers, run.symbols[BEGIN], dump_fd)
    around = assemble(source, file="native", base=BASE)
    jump = struct.pack("<Bi", 0xE9, around.symbols["dump"] - run.symbols[END] - 5)
    sections = [_patched(section, run.symbols[END], jump) for section in run.program.sections]
    return static_elf([*sections, *around.sections], around.entry)


def words_of(values: Mapping[str, int]) -> dict[str, int]:
    """Registers as in the dump: an SSE register is two words, xmm0.q0 and xmm0.q1."""
    halves = {f"{name}.q{i}": values[name] >> 64 * i & MASK for name in XMM for i in (0, 1)}
    return {**values, **halves}


def _patched(section: Section, address: int, code: bytes) -> Section:
    at = address - section.address
    if not 0 <= at < section.size:
        return section
    return replace(section, data=section.data[:at] + code + section.data[at + len(code) :])


def _to_host(value: int) -> int:
    return value - _DELTA if USER_END - STACK_SIZE <= value < USER_END else value


def _from_host(value: int) -> int:
    return value + _DELTA if STACK_TOP - STACK_SIZE <= value < STACK_TOP else value


def _differences(run: Run, left: _Left, pieces: list[tuple[int, int]]) -> Iterator[str]:
    wanted = 0
    if isinstance(run.stop, Exited):
        wanted = run.stop.status
    elif isinstance(run.stop, Killed):
        wanted = -run.stop.signal
    if left.status != wanted:
        yield f"the host ends it with {_status(left.status)}, the machine with {_status(wanted)}"
        return
    if left.stdout != run.output["stdout"].getvalue():
        yield f"the host writes {left.stdout!r}, the machine {run.output['stdout'].getvalue()!r}"
    if not run.reached_end:
        return
    words = struct.unpack_from(f"<{saved_size(pieces) // 8}Q", left.dump)
    after = words_of(register_values(run))
    for name, word in zip(REGISTERS, words, strict=False):
        mask = _FLAGS if name == "rflags" else MASK
        host, ours = _from_host(word) & mask, after[name] & mask
        if host != ours:
            yield f"{name} is {host:#x} on the host and {ours:#x} in the machine"
    offset = saved_size(pieces)
    for (address, size), written in zip(pieces, words[len(REGISTERS) :], strict=True):
        if written == size:
            yield from _memory_differences(run, address, left.dump[offset : offset + size])
        offset += size


def _memory_differences(run: Run, address: int, host: bytes) -> Iterator[str]:
    """The first differing word of a piece; pages that the machine never touched are zero."""
    for start in range(0, len(host), PAGE_SIZE):
        there = host[start : start + PAGE_SIZE]
        present = run.machine.memory.is_present(address + start)
        ours = run.machine.memory.read(address + start, len(there)) if present else bytes(len(there))
        for at in range(0, len(there), 8):
            given, own = (int.from_bytes(octets[at : at + 8], "little") for octets in (there, ours))
            if given != own and _from_host(given) != own:
                place = run.places.describe(address + start + at)
                yield f"the word at {place} is {given:#x} on the host and {own:#x} in the machine"
                return


def _status(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"
