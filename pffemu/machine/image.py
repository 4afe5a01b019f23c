"""What the loader can load: segments, an entry point and symbols, from assembly source, an ELF or a script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from guest.paths import ASM, INCLUDE
from kernel_model.calls.program import is_script
from pffemu.asm import Program
from pffemu.errors import MissingFileError, NotLoadableError
from pffemu.host_files import read_regular
from pffemu.machine.elf import ElfImage, Segment, read_elf

SOURCE_SUFFIXES = (".s", ".asm")
_LARGEST: Final = 4 << 30  # bytes of a program's file


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Image:
    name: str
    entry: int
    segments: tuple[Segment, ...]
    symbols: Mapping[str, int] = field(default_factory=dict)
    phdr: tuple[int, int, int] = (0, 0, 0)  # AT_PHDR, AT_PHENT, AT_PHNUM
    bias: int = 0  # bytes that a PIE was moved by
    executable_stack: bool = False
    interpreter: bytes = b""  # path of ld.so, which loads the program's libraries (PT_INTERP)
    file: str = ""  # absolute path on the host; empty: the image was made in memory
    script: bytes = b""  # first line of a script: the image of its interpreter takes this one's place

    def moved(self, by: int) -> Image:
        """The same image, `by` bytes higher."""
        segments = tuple(replace(segment, address=segment.address + by) for segment in self.segments)
        symbols = {name: address + by for name, address in self.symbols.items()}
        phdr = (self.phdr[0] + by, *self.phdr[1:])
        return replace(self, entry=self.entry + by, segments=segments, symbols=symbols, phdr=phdr, bias=self.bias + by)


def image_of_program(program: Program, name: str = "program") -> Image:
    """An assembled program, ready to load."""
    segments = tuple(
        Segment(section.address, section.size, section.data, True, section.writable, section.executable)
        for section in program.sections
        if section.size
    )
    if not any(segment.executable for segment in segments):
        raise NotLoadableError("the source has no code", where=name, remedy="write instructions under .text")
    return Image(name, program.entry, segments, program.symbols)


def image_of_elf(elf: ElfImage, name: str) -> Image:
    phdr = (elf.phdr_address, elf.phent, elf.phnum)
    return Image(name, elf.entry, elf.segments, elf.symbols, phdr, elf.bias, elf.executable_stack, elf.interpreter)


def open_image(name: Path | str, defines: Mapping[str, int] | None = None) -> Image:
    """Read the file `name`, which also becomes the image's name.

    A file with suffix .s or .asm is assembly source, one that begins with #! a script, any other must be ELF.

    A source's `.include` looks beside the file, then among pffemu's own guests (pff.inc, paging.s).

    Raises MissingFileError, ElfError, AssemblyError, NotLoadableError.
    """
    path = Path(name)
    try:
        data = read_regular(path, _LARGEST)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise MissingFileError(f"cannot read it: {why}", where=str(path), remedy="check the name") from error
    if path.suffix.lower() not in SOURCE_SUFFIXES and is_script(data):
        return Image(str(name), 0, (), file=str(path.absolute()), script=data.partition(b"\n")[0])
    if path.suffix.lower() not in SOURCE_SUFFIXES:
        return replace(image_of_elf(read_elf(data, str(path)), str(name)), file=str(path.absolute()))
    try:
        source = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise NotLoadableError(
            "not UTF-8 text", where=f"{path}:{line}", remedy="give assembly source, or an ELF without the .s suffix"
        ) from error
    from pffemu.asm import assemble  # ELF files do not wait for the assembler

    program = assemble(source, file=str(path), defines=defines, include_dirs=(ASM, INCLUDE))
    if "_start" not in program.symbols:
        raise NotLoadableError(
            "no _start, so nothing says where to begin",
            where=str(path),
            remedy="put a label _start: there",
        )
    return replace(image_of_program(program, str(name)), file=str(path.absolute()))
