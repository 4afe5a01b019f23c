"""Blocks of a C file: each is compiled by the host's compiler, freestanding, and joined with the harness's code.

A block is the whole file with the other blocks' lines emptied, as in assembly; its parameters are macros, its regions
pointers, and its first function called test... is run. With `// libc: yes` it is a program with a main and the
compiler's own libc.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from guest.paths import INCLUDE
from pffemu.arch.paging import PAGE_SIZE, page_of
from pffemu.asm import disassemble
from pffemu.asm.program import Line, Section
from pffemu.errors import UsageError
from pffemu.machine.elf import ElfImage, Segment, read_elf
from pffemu.machine.elf_lines import LineRange, read_lines
from pffemu.machine.elf_variables import Variable, read_variables
from pffemu.testing.blocks import Block
from pffemu.testing.c_project import named_folder, named_source
from pffemu.testing.errors import TestFileError
from pffemu.testing.parameters import Parameters
from pffemu.testing.setup import Setup

TIMEOUT: Final = 300  # seconds, one block: zig's first program with a libc takes a minute
_COMPILE: Final = ("-c", "-O1", "-g", "-muintr", "-fno-pie", "-fno-stack-protector", "-fcf-protection=none")
_LINK: Final = ("-static", "-no-pie", "-Wl,--build-id=none")
_NO_FILE: Final = "/pffemu"  # the name of the start file in #line
_FUNCTION: Final = re.compile(r"^[^\S\n]*[A-Za-z_][\w\s*()]*?\b(test\w*)\s*\([^;{}]*\)\s*\{", re.MULTILINE)
_SHOWN_LINES: Final = 12  # of the compiler's messages
_CACHED: Final = 32


@dataclass(frozen=True, slots=True)
class CProgram:
    """The compiled block: `start` is the function to call, or _start where a libc's own start-up calls main."""

    image: ElfImage
    sections: tuple[Section, ...]
    lines: tuple[Line, ...]
    start: str
    variables: Mapping[str, Variable]


def compile_block(block: Block, setup: Setup, parameters: Parameters, source: str, folder: Path) -> CProgram:
    """Compile `block`. Raises TestFileError with the compiler's message; UsageError without a compiler."""
    compiler = find_c_compiler()
    if compiler is None:
        raise UsageError(NO_C_COMPILER, where=block.file)
    path = str((folder / Path(block.file).name).resolve())
    start = "_start" if setup.libc else _test_function(block, source)
    lines = source.split("\n")
    shared, own = lines[: block.first], lines[block.first :]
    line = f'"{_quoted(path)}"'
    text = "\n".join((
        *_prelude(setup), f"#line 1 {line}", *shared, *_macros(parameters), f"#line {block.first + 1} {line}", *own,
        *_ending(setup, start),
    ))  # fmt: skip
    compile_with = (*_COMPILE, *(() if setup.libc else ("-ffreestanding",)), *_own_flags(setup, folder))
    link_with = (*_LINK, *(() if setup.libc else ("-nostdlib",)))
    others = [named_source(folder, name, directive) for name, directive in setup.sources]
    contents = tuple((str(other), other.read_bytes()) for other in others)
    output = _run_compiler((*compiler, *compile_with), (*compiler, *link_with), text, folder, contents)
    if isinstance(output, str):
        raise _complaint(output, path, block, [str(other) for other in others])
    image = read_elf(output, block.file)
    code = tuple(_lines(image, read_lines(output, block.file), {path: block.file}))
    variables = read_variables(output, block.file)
    return CProgram(image, tuple(map(_section, image.segments)), code, start, variables)


def _test_function(block: Block, source: str) -> str:
    own = "\n".join(source.split("\n")[block.first : block.last])
    match = _FUNCTION.search(re.sub(r"//[^\n]*|/\*.*?\*/", " ", own, flags=re.DOTALL))
    if match is None:
        where = f"{block.file}:{block.first}"
        raise TestFileError("# test: the block has no function that starts with `test`", where=where,
                            remedy="write `void test_it(void) { ... }`, or `// libc: yes` and a main")  # fmt: skip
    return match[1]


def _prelude(setup: Setup) -> Iterator[str]:
    """Regions as pointers, and the descriptor that `// uffd:` opens."""
    yield '#include "pff.h"'
    for area in setup.areas:
        pointer = "volatile unsigned char *"
        yield f"static {pointer}const {area.name} __attribute__((unused)) = ({pointer}){area.start:#x}UL;"
    if any(area.uffd for area in setup.areas):
        yield "__attribute__((used)) long uffd = -1;"


def _ending(setup: Setup, start: str) -> Iterator[str]:
    """The start file. The harness calls the function, but linkers need an entry, and a reference keeps the code."""
    yield f'#line 1 "{_NO_FILE}"'
    if not setup.libc:
        yield "__attribute__((used)) void _start(void) { }"
        yield f"__attribute__((used)) static void *pffemu_starts_at = (void *){start};"


def _macros(parameters: Parameters) -> Iterator[str]:
    """The block's parameters as macros, which the shared part does not see."""
    values: dict[str, int | str] = {**parameters.numbers, **parameters.texts}
    return (f"#define {name} {_macro(value)}" for name, value in values.items())


def _macro(value: int | str) -> str:
    if isinstance(value, str):
        return value.replace("\n", "\\\n")
    return f"({value})" if -(1 << 63) <= value < 1 << 63 else f"({value:#x}UL)"


def _quoted(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"')


@lru_cache(maxsize=_CACHED)
def _run_compiler(
    compile_with: tuple[str, ...],
    link_with: tuple[str, ...],
    text: str,
    folder: Path,
    others: tuple[tuple[str, bytes], ...],
) -> bytes | str:
    """The executable, or the compiler's output when there is none. `others`: more sources, with what is in them.

    In two steps: when it links without a libc, zig has no Linux headers.
    """
    with tempfile.TemporaryDirectory(prefix="pffemu-c-") as place:
        source, middle, target = (Path(place) / name for name in ("block.c", "block.o", "block"))
        source.write_text(text, encoding="utf-8")
        found = ("-iquote", str(folder), "-I", str(INCLUDE))
        middles = []
        for number, file in enumerate((str(source), *(path for path, _ in others))):
            middles.append(middle.with_name(f"block{number}.o"))
            complaint = _run((*compile_with, *found, file, "-o", str(middles[-1])), middles[-1])
            if complaint:
                return complaint
        return _run((*link_with, *map(str, middles), "-o", str(target)), target) or target.read_bytes()


def _run(command: tuple[str, ...], target: Path) -> str:
    """Run a compiler; its output if it does not make `target`."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT,
            check=False, cwd=target.parent,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{shlex.join(command)}: {error}"
    if done.returncode == 0 and target.is_file():
        return ""
    return done.stdout.decode(errors="replace") or f"{shlex.join(command)} failed without a word"


def _own_flags(setup: Setup, folder: Path) -> list[str]:
    """The flags of `// cflags`, with folders of -I below the file's own."""
    own = [f"-I{folder.resolve() / flag[2:]}" if flag.startswith("-I") else flag for flag in setup.cflags]
    return [*own, *(f"-I{named_folder(folder, name, directive)}" for name, directive in setup.includes)]


def _complaint(output: str, path: str, block: Block, others: list[str]) -> TestFileError:
    """The compiler's message as an error at the line of its first error, in the test file or another source."""
    text = re.sub(r"\x1b\[[0-9;]*[mK]", "", output).replace(path, block.file)
    files = "|".join(map(re.escape, (block.file, *others)))
    match = re.search(rf"({files}):(\d+):(?:\d+:)? (?:fatal )?error: (.*)", text)
    shown = "\n".join(text.strip().split("\n")[:_SHOWN_LINES])
    what = match[3] if match else "it cannot be built"
    where = f"{match[1]}:{match[2]}" if match else f"{block.file}:{block.first}"
    return TestFileError(f"{what}\n{shown}", where=where, remedy="correct the C code, or see // cflags")


def _section(segment: Segment) -> Section:
    """A segment as a section that starts at the page's start."""
    start = page_of(segment.address)
    data = bytes(segment.address - start) + segment.data
    size = segment.end - start
    return Section(f"load.{start:x}", start, data, size, segment.writable, segment.executable)


def _lines(image: ElfImage, ranges: list[LineRange], names: dict[str, str]) -> Iterator[Line]:
    """Every instruction that has a source line."""
    for start, end, file, number in ranges:
        segment = next((s for s in image.segments if s.executable and s.address <= start and end <= s.end), None)
        if segment is None or end - start > PAGE_SIZE or file == _NO_FILE:
            continue
        code = segment.data[start - segment.address : end - segment.address]
        for instruction in disassemble(code, start):
            yield Line(instruction.address, names.get(file, file), number, "", instruction.size)
