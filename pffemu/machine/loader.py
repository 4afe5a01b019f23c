"""execve: loads a program into a new address space, with Linux's initial stack (arguments, environment, auxv).

A program with an interpreter (ld.so) gets both mapped; the interpreter runs first and maps the libraries by itself.

File-backed parts of segments and the top of the stack are populated at once, so that a run's page faults are those of
memory that the program itself maps; the rest of .bss and of the stack is populated on demand.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from weakref import WeakValueDictionary

from kernel_model.abi import limits as uapi_limits
from kernel_model.abi import uapi
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.calls.exec import cleared, name_of_program
from kernel_model.calls.program import Executable
from kernel_model.files.tree.generated import number_of
from kernel_model.kernel import Kernel
from kernel_model.mm.image_pages import ImagePages
from kernel_model.mm.layout import MemoryLayout
from kernel_model.mm.mm import Mm
from kernel_model.mm.vma import Vma
from kernel_model.random import RandomSource
from kernel_model.task.fd_table import FileTable
from kernel_model.task.task import Process
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, USER_END, page_of, pages_up
from pffemu.errors import NotLoadableError
from pffemu.hw.cpu import Cpu
from pffemu.hw.cpuid import cpuid
from pffemu.machine.elf import DYN_BASE, Segment, read_elf
from pffemu.machine.image import Image, image_of_elf
from pffemu.machine.memory import GuestMemory
from pffemu.machine.program_path import first_program, program_path

STACK_SIZE: Final = 8 << 20  # bytes; RLIMIT_STACK
_POPULATED: Final = 4 * PAGE_SIZE  # of the stack's top
_ARGUMENTS_MAX: Final = 1 << 20  # bytes
_RANDOM_SIZE: Final = 16  # bytes at AT_RANDOM
_PLATFORM: Final = b"x86_64"
_SIGNAL_STACK_MIN: Final = 2048  # bytes; AT_MINSIGSTKSZ
# by name and contents: processes that run one program share its image, so that their number does not multiply it
_images: Final = WeakValueDictionary[tuple[str, bytes], Image]()


def load(kernel: Kernel, cpu: Cpu, image: Image, arguments: Sequence[str], environment: Sequence[str] = ()) -> Process:
    """A process with one runnable thread at the image's entry. Raises NotLoadableError, OutOfGuestMemory."""
    mm = kernel.create_mm()
    path = program_path(image, kernel.tree)
    pid = kernel.peek_tid()
    kernel.program_loader = Loader()
    words = [os.fsencode(word) for word in (path.argv0, *arguments)]
    program = first_program(kernel.tree, kernel.program_loader, image, path, words)
    found = program.image
    assert isinstance(found, Image)
    process = Process(
        pid=pid,
        image=found,
        mm=mm,
        name=found.name,
        exe=os.fsdecode(program.path),
        arguments=[os.fsdecode(word) for word in program.arguments],
        limits=uapi_limits.initial(),
        files=FileTable(kernel.descriptors),
        group=pid,
        session=pid,
        exit_signal=int(uapi.Signal.SIGCHLD),
    )
    variables = [os.fsencode(text) for text in environment]
    rip, rsp = _fill(mm, program, os.fsencode(path.argv0), variables, kernel.random)
    task = kernel.create_thread(cpu, process, cleared(cpu.engine.save_registers()).replace(rip=rip, rsp=rsp))
    task.name = name_of_program(os.fsencode(path.argv0))
    return process


class Loader:
    """The machine's part of execve, called by the kernel."""

    def read(self, data: bytes, name: str) -> Image:
        key = name, hashlib.sha256(data).digest()
        image = _images.get(key)
        if image is None:
            try:
                image = _images[key] = image_of_elf(read_elf(data, name), name)
            except NotLoadableError:
                raise LinuxError(Errno.ENOEXEC) from None
        return image

    def fill(
        self, mm: Mm, program: Executable, path: bytes, environment: Sequence[bytes], random: RandomSource
    ) -> tuple[int, int]:
        try:
            return _fill(mm, program, path, environment, random)
        except NotLoadableError:
            raise LinuxError(Errno.E2BIG) from None


def _fill(
    mm: Mm, program: Executable, path: bytes, environment: Sequence[bytes], random: RandomSource
) -> tuple[int, int]:
    """Map `program`, started as `path`, into the empty `mm`; returns the initial RIP and RSP."""
    image = program.image
    assert isinstance(image, Image)
    for segment in image.segments:
        _map_segment(mm, os.fsdecode(program.path), segment)
    mm.layout = _layout(image)
    interpreter = _map_interpreter(mm, program)
    mm.brk_start = mm.brk = DYN_BASE if image.bias and interpreter is None else pages_up(image.segments[-1].end)
    strings = [*program.arguments, *environment]
    stack = _build_stack(mm, image, interpreter, path, strings, len(program.arguments), random, program.ids)
    return (image if interpreter is None else interpreter).entry, stack


def _layout(image: Image) -> MemoryLayout:
    """Linux: load_elf_binary. Code ends with the last executable segment, data with the last."""
    code = [segment for segment in image.segments if segment.executable] or image.segments
    data = max(image.segments, key=lambda segment: segment.address)
    return MemoryLayout(
        start_code=image.segments[0].address,
        end_code=max(segment.address + len(segment.data) for segment in code),
        start_data=data.address,
        end_data=max(segment.address + len(segment.data) for segment in image.segments),
    )


def _map_interpreter(mm: Mm, program: Executable) -> Image | None:
    """Map the program's interpreter, highest in the area for mmap (Linux: load_elf_interp)."""
    image = program.interpreter
    if not isinstance(image, Image):
        return None
    if image.bias:
        start = page_of(image.segments[0].address)
        place = mm.vmas.free_range(pages_up(image.segments[-1].end) - start)
        if place is None:
            raise LinuxError(Errno.ENOMEM)
        image = image.moved(place - start)
    elif any(mm.vmas.overlapping(page_of(each.address), pages_up(each.end)) for each in image.segments):
        raise LinuxError(Errno.ENOMEM)
    for segment in image.segments:
        _map_segment(mm, image.name, segment)
    return image


def _map_segment(mm: Mm, file: str, segment: Segment) -> None:
    """Map a segment: a private mapping of the bytes of `file`, then anonymous memory."""
    prot = (
        (uapi.PROT_READ if segment.readable else 0)
        | (uapi.PROT_WRITE if segment.writable else 0)
        | (uapi.PROT_EXEC if segment.executable else 0)
    )
    start, end = page_of(segment.address), pages_up(segment.address + segment.memory_size)
    file_end = pages_up(segment.address + len(segment.data)) if segment.data else start
    shared = mm.vmas.find(start)
    if shared is not None:  # two segments on one page: the page gets the rights of both
        shared.prot |= prot
        _fill_pages(mm, shared, segment)
        start = shared.end
    if start < file_end:
        offset = segment.offset or segment.address % PAGE_SIZE
        pages = ImagePages(file, offset, segment.data, mm.ram, mm.frames)
        pages.number = number_of(os.fsencode(file))
        vma = Vma(start, file_end, prot, file, pages, page_of(offset) + start - page_of(segment.address))
        mm.map(vma)
        _fill_pages(mm, vma, segment)
        start = file_end
    if start < end:
        mm.map(Vma(start, end, prot))


def _fill_pages(mm: Mm, vma: Vma, segment: Segment) -> None:
    """Populate the pages of `vma` for which `segment` has file content."""
    data_end = segment.address + len(segment.data)
    for page in range(vma.start, min(vma.end, pages_up(data_end)), PAGE_SIZE):
        if page + PAGE_SIZE <= segment.address:
            continue
        entry = mm.pages.entry(page)
        frame = entry & PTE_ADDRESS if entry else mm.frames.take()
        low, high = max(page, segment.address), min(page + PAGE_SIZE, data_end)
        if low < high:
            piece = segment.data[low - segment.address : high - segment.address]
            mm.ram.octets[frame + low - page : frame + high - page] = piece
        mm.install(vma, page, frame, owned=True)


def _build_stack(
    mm: Mm,
    image: Image,
    interpreter: Image | None,
    path: bytes,
    strings: list[bytes],
    argument_count: int,
    random: RandomSource,
    ids: tuple[int, int, int, int],
) -> int:
    """Map the stack and lay out the System V ABI's initial stack; returns RSP. `strings`: arguments, environment."""
    if sum(len(string) + 1 for string in strings) > _ARGUMENTS_MAX:
        raise NotLoadableError(
            "the arguments and the environment are too long",
            where=image.name,
            remedy=f"keep below {_ARGUMENTS_MAX} bytes",
        )
    prot = uapi.PROT_READ | uapi.PROT_WRITE | (uapi.PROT_EXEC if image.executable_stack else 0)
    vma = Vma(USER_END - STACK_SIZE, USER_END, prot, "[stack]")
    mm.map(vma)
    path_at = USER_END - 8 - len(path) - 1
    top = first = path_at - sum(len(string) + 1 for string in strings)
    block, pointers = {path_at: path + b"\0"}, []
    for string in strings:
        block[top] = string + b"\0"
        pointers.append(top)
        top += len(string) + 1
    platform_at = (first - _RANDOM_SIZE & ~0xF) - 16
    random_at = platform_at - _RANDOM_SIZE
    block |= {platform_at: _PLATFORM + b"\0", random_at: random.take(_RANDOM_SIZE)}
    base = interpreter.bias if interpreter is not None else 0
    auxv = (
        (uapi.AT_PHDR, image.phdr[0]), (uapi.AT_PHENT, image.phdr[1]), (uapi.AT_PHNUM, image.phdr[2]),
        (uapi.AT_PAGESZ, PAGE_SIZE), (uapi.AT_BASE, base), (uapi.AT_FLAGS, 0), (uapi.AT_ENTRY, image.entry),
        (uapi.AT_UID, ids[0]), (uapi.AT_EUID, ids[1]), (uapi.AT_GID, ids[2]), (uapi.AT_EGID, ids[3]),
        (uapi.AT_SECURE, int(ids[0] != ids[1] or ids[2] != ids[3])),
        (uapi.AT_HWCAP, cpuid(1, 0, 0, False)[3]), (uapi.AT_HWCAP2, 0), (uapi.AT_CLKTCK, 100),
        (uapi.AT_RANDOM, random_at), (uapi.AT_PLATFORM, platform_at), (uapi.AT_EXECFN, path_at),
        (uapi.AT_MINSIGSTKSZ, _SIGNAL_STACK_MIN), (uapi.AT_NULL, 0),
    )  # fmt: skip
    auxv_words = [word for pair in auxv for word in pair]
    words = [argument_count, *pointers[:argument_count], 0, *pointers[argument_count:], 0, *auxv_words]
    rsp = (random_at - 8 * len(words)) & ~0xF
    env_start = pointers[argument_count] if argument_count < len(pointers) else path_at
    mm.layout = replace(
        mm.layout, start_stack=rsp, arg_start=first, arg_end=env_start, env_start=env_start, env_end=path_at,
        auxv=struct.pack(f"<{len(auxv_words)}Q", *auxv_words),
    )  # fmt: skip
    block[rsp] = struct.pack(f"<{len(words)}Q", *words)
    lowest = page_of(rsp) - _POPULATED
    for page in range(lowest, USER_END, PAGE_SIZE):
        mm.install(vma, page, mm.frames.take(), owned=True)
    memory = GuestMemory(mm.ram, mm, [])  # no core has seen these pages yet
    for address, data in block.items():
        memory.write(address, data)
    return rsp
