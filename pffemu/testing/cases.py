"""One test: a block, with one combination of its parameters, in one mode, ready to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from guest.build import ASM, INCLUDE
from kernel_model.mechanisms import Mode
from pffemu.asm import Program, assemble
from pffemu.errors import AssemblyError
from pffemu.machine.elf_variables import Variable
from pffemu.machine.image import Image, image_of_elf, image_of_program
from pffemu.testing.blocks import Block, read_blocks, source_of
from pffemu.testing.c_program import compile_block
from pffemu.testing.c_source import is_c
from pffemu.testing.claims import Claims, read_claims
from pffemu.testing.directives import Directive
from pffemu.testing.errors import TestFileError, TooManyTestsError, place_of
from pffemu.testing.harness_code import HANDLER, HarnessCode, harness_code
from pffemu.testing.parameters import Parameters, combinations
from pffemu.testing.setup import Setup, modes_of, read_setup

_CACHED: Final = 32  # programs
_MOST: Final = 1 << 16  # tests of a file
HARNESS_BASE: Final = 0x800_0000  # above a linked block in C, below regions


@dataclass(frozen=True, slots=True)
class Case:
    """One test. `id`: the part of the pytest id behind `::`."""

    id: str
    block: Block
    parameters: Parameters
    setup: Setup
    claims: Claims
    source: str  # the whole file's text
    folder: Path  # where `.include` looks first

    @property
    def title(self) -> str:
        """The claim, with the mode and parameters of this case."""
        _, bracket, variant = self.id.partition("[")
        return f"{self.block.claim} [{variant}" if bracket else self.block.claim


def read_cases(source: str, file: str, folder: Path | None = None, defaults: Sequence[Directive] = ()) -> list[Case]:
    """Every test of a file, which messages call `file` and which is in `folder`; `defaults`: of the project.

    Raises UsageError with file:line."""
    cases: list[Case] = []
    for block in read_blocks(source, file, defaults):
        modes = modes_of(block)
        for parameters in combinations(block):
            if len(cases) > _MOST:
                where, remedy = f"{file}:{block.first}", f"a file may have {_MOST:,}: split it"
                raise TooManyTestsError("too many tests", where=where, remedy=remedy)
            claims = read_claims(block, parameters.texts)
            for mode in modes:
                setup = replace(
                    read_setup(block, parameters, mode), survives=tuple((f.then, f.directive) for f in claims.survived)
                )
                variant = "-".join(filter(None, (parameters.label, _mode_label(block, modes, mode))))
                identifier = f"{block.slug}[{variant}]" if variant else block.slug
                cases.append(Case(identifier, block, parameters, setup, claims, source, folder or Path(file).parent))
    return cases


def _mode_label(block: Block, modes: list[Mode], mode: Mode) -> str:
    return mode.value if len(modes) > 1 else ""


@dataclass(frozen=True, slots=True)
class Built:
    """A test's program, ready to be loaded, and its symbols and lines."""

    program: Program
    image: Image
    variables: Mapping[str, Variable] = field(default_factory=dict)  # in C


def build(case: Case) -> Built:
    """The case assembled, or compiled, with the code around it. Raises AssemblyError, TestFileError, UsageError."""
    if is_c(case.block.file):
        return _build_c(case)
    program = _build_assembly(case)
    return Built(program, image_of_program(program, case.block.file))


def _build_c(case: Case) -> Built:
    text = source_of(case.block, case.source, case.parameters.texts)
    compiled = compile_block(case.block, case.setup, case.parameters, text, case.folder)
    code = harness_code(case.setup, compiled.start)
    wanted = (
        compiled.start, "uffd", HANDLER, *(thread.text for thread in case.setup.threads),
        *(label for label, _ in case.setup.survives),
    )  # fmt: skip
    defines = {name: compiled.image.symbols[name] for name in wanted if name in compiled.image.symbols}
    try:
        around = assemble("\n".join(code.lines), file=case.block.file, base=HARNESS_BASE, defines=defines)
    except AssemblyError as error:
        raise _blamed(error, case, code, 0) from None
    sections = (*compiled.sections, *around.sections)
    program = Program(around.base, sections, {**compiled.image.symbols, **around.symbols}, compiled.lines)
    image = image_of_elf(compiled.image, case.block.file)
    segments = (*image.segments, *image_of_program(around).segments)
    return Built(program, replace(image, segments=segments), compiled.variables)


def _build_assembly(case: Case) -> Program:
    code = harness_code(case.setup)
    text = source_of(case.block, case.source, case.parameters.texts)
    defines = (*case.parameters.numbers.items(), *case.setup.symbols.items())
    try:
        return _assemble("\n".join((text, *code.lines)), case.block.file, case.folder, defines)
    except AssemblyError as error:
        raise _blamed(error, case, code, text.count("\n") + 1) from None


@lru_cache(maxsize=_CACHED)
def _assemble(text: str, file: str, folder: Path, defines: tuple[tuple[str, int], ...]) -> Program:
    return assemble(text, file=file, defines=dict(defines), include_dirs=(folder, ASM, INCLUDE))


def _blamed(error: AssemblyError, case: Case, code: HarnessCode, lines: int) -> Exception:
    """An error in appended code as an error of the directive that made the code."""
    file, number = place_of(error.where)
    if file != case.block.file or number <= lines:
        return error
    origin = code.origin(number - lines - 1)
    if origin is None:
        return error
    what = error.what.partition("\n")[0]
    label = f"a function `{HANDLER}`" if is_c(case.block.file) else f"`{HANDLER}:`"
    remedy = f"define {label}" if HANDLER in what else error.remedy
    return TestFileError(f"# {origin.name}: {origin.text}: {what}", where=origin.where, remedy=remedy)
