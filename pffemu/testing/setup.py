"""The set-up directives of a block, parsed and checked, as one value."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from keyword import iskeyword
from typing import Any, Final

from kernel_model.abi import signal as uapi_signal
from kernel_model.abi import uapi
from kernel_model.abi.uapi import Signal
from kernel_model.mechanisms import Mode
from kernel_model.mm.vma import MMAP_MIN
from pffemu.arch.frames import FrameLayout
from pffemu.arch.paging import PAGE_SIZE, USER_END
from pffemu.arch.registers import GENERAL
from pffemu.errors import UsageError
from pffemu.hw.cpu_options import CpuOptions
from pffemu.hw.mmu import UffdLookup
from pffemu.inspect.constants import KnownNames
from pffemu.inspect.core_state import CORE_STATE
from pffemu.inspect.expressions import parse, value_of
from pffemu.inspect.nearest import nearest
from pffemu.inspect.view import RESERVED
from pffemu.inspect.wide import XMM
from pffemu.machine.options import MAX_CPUS, parse_size
from pffemu.testing.blocks import Block, fill
from pffemu.testing.c_source import is_c
from pffemu.testing.cycles import profile_of
from pffemu.testing.directives import Directive
from pffemu.testing.parameters import Parameters

FIRST_MAP: Final = 0x1000_0000  # where `# map:` without `at` starts; below 2 GiB, so that addresses fit in operands
_MAP_ALIGNMENT: Final = 1 << 20
BUDGET: Final = 1_000_000  # instructions
RAM: Final = 64 << 20  # bytes

_MAP: Final = re.compile(
    r"(?P<name>[A-Za-z_]\w*)\s+(?P<size>\w+)\s+(?P<prot>[rwx-]{1,3})(?P<shared>\s+shared)?(\s+at\s+(?P<at>.+))?"
)
# Flags of a compiler that neither run nor load nor write anything.
_HARMLESS: Final = re.compile(
    r"-O\w*|-g\w*|-std=[\w+]+|-[DU]\w+(=.*)?|-W[\w+=-]*|-[mf][\w=+,-]+|-I[\w][\w./-]*|-pthread|-ansi|-pedantic",
    re.ASCII | re.DOTALL,
)
_LOADS_OR_WRITES: Final = re.compile(
    r"-f.*(plugin|module|dump|opt-info|profile|save|callgraph|use-ld|time-trace)|-mllvm"
)
_UFFD_MODES: Final = {
    "missing": uapi.UFFDIO_REGISTER_MODE_MISSING, "wp": uapi.UFFDIO_REGISTER_MODE_WP,
    "minor": uapi.UFFDIO_REGISTER_MODE_MINOR,
}  # fmt: skip
_CPU_WORDS: Final[dict[str, Callable[[CpuOptions], CpuOptions]]] = {
    "flexible-uiret": lambda cpu: replace(cpu, flexible_uiret=True),
    "frame=vector-first": lambda cpu: replace(cpu, frame_layout=FrameLayout.VECTOR_FIRST),
    "frame=rip-first": lambda cpu: replace(cpu, frame_layout=FrameLayout.RIP_FIRST),
    "pte-bit": lambda cpu: replace(cpu, uffd_lookup=UffdLookup.PTE_BIT),
    "upid-reserved": lambda cpu: replace(cpu, upid_blkd=False),
    "mask-address": lambda cpu: replace(cpu, mask_fault_address=True),
    "default": lambda cpu: cpu,
}
STATE: Final = (*CORE_STATE, "region_tag", "region_mode")
REGISTERS: Final = (*GENERAL, "rip", "rflags", "fs_base", "gs_base")
CLEARED: Final = tuple(name for name in GENERAL if name != "rsp")  # zero when a block starts


@dataclass(frozen=True, slots=True)
class Area:
    """`# map:`: memory at `start`. `uffd`: registered in `uffd_mode` before the block runs; `shared`: MAP_SHARED."""

    name: str
    start: int
    size: int
    prot: int
    directive: Directive
    uffd: Directive | None = None
    uffd_mode: int = 0
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name=expression`, evaluated when the block starts: labels have addresses then."""

    name: str
    value: ast.expr
    directive: Directive


@dataclass(frozen=True, slots=True)
class SignalHandler:
    """`# signal: SIGSEGV label SA_NODEFER`: rt_sigaction for it, with SA_SIGINFO."""

    signal: Signal
    label: str
    flags: int
    directive: Directive


@dataclass(frozen=True, slots=True)
class Setup:
    mode: Mode = Mode.PFF
    cpu: CpuOptions = field(default_factory=CpuOptions)
    cpus: int = 1
    ram: int = RAM
    regions: int | None = None
    areas: tuple[Area, ...] = ()
    forward: Directive | None = None
    signals: tuple[SignalHandler, ...] = ()
    survives: tuple[tuple[str, Directive], ...] = ()  # labels of `# fault: ... then LABEL`, in their order
    threads: tuple[Directive, ...] = ()  # each text is a label
    registers: tuple[Assignment, ...] = ()
    state: tuple[Assignment, ...] = ()
    profile: str | None = None  # that `# cycles:` names
    budget: int = BUDGET
    stdin: bytes = b""
    arguments: tuple[str, ...] = ()
    native: bool = True  # may also run on the host's CPU
    libc: bool = False  # a C program with the compiler's libc
    cflags: tuple[str, ...] = ()
    sources: tuple[tuple[str, Directive], ...] = ()  # more C files, as they are written
    includes: tuple[tuple[str, Directive], ...] = ()  # folders of headers

    @property
    def symbols(self) -> dict[str, int]:
        """Regions as symbols for the source."""
        return {area.name: area.start for area in self.areas}


def modes_of(block: Block) -> list[Mode]:
    """The modes of `# mode: pff`, several, or `all`; pff by default."""
    directive = block.last_named("mode")
    if directive is None:
        return [Mode.PFF]
    words = directive.text.replace(",", " ").split()
    known = {mode.value: mode for mode in Mode}
    if words == ["all"]:
        return list(Mode)
    for word in words:
        if word not in known:
            raise directive.error(f"no mode {word!r}", nearest(word, [*known, "all"]))
    if not words:
        raise directive.error("which?", f"use one of {', '.join([*known, 'all'])}")
    return [known[word] for word in dict.fromkeys(words)]


def read_setup(block: Block, parameters: Parameters, mode: Mode) -> Setup:
    """Read a block's set-up. Raises TestFileError."""
    filled = [replace(d, text=fill(d.text, parameters.texts)) for d in block.directives]
    setup = Setup(mode=mode)
    for directive in filled:
        reader = _READERS.get(directive.name)
        if reader is not None:
            try:
                setup = reader(setup, directive, parameters)
            except UsageError as error:
                raise error if error.where else directive.error(error.what, error.remedy) from None
    if setup.forward is not None and len(modes_of(block)) == 1 and mode.mechanism.registration is None:
        able = ", ".join(one.value for one in Mode if one.mechanism.registration is not None)
        raise setup.forward.error(f"mode {mode.value} does not forward", f"use one of {able}, or all to compare")
    return setup


# -- one reader per directive: (setup so far, directive, parameters) -> setup --------------------------------------


def _cpu(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    cpu = setup.cpu
    for word in directive.text.replace(",", " ").split():
        if word not in _CPU_WORDS:
            raise directive.error(f"no option {word!r}", nearest(word, _CPU_WORDS))
        cpu = _CPU_WORDS[word](cpu)
    return replace(setup, cpu=cpu)


def _cpus(setup: Setup, directive: Directive, parameters: Parameters) -> Setup:
    cpus = _number(directive, parameters)
    if not 1 <= cpus <= MAX_CPUS:
        raise directive.error(f"{cpus} cores are not possible", f"use 1 to {MAX_CPUS}")
    return replace(setup, cpus=cpus)


def _ram(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    return replace(setup, ram=parse_size(directive.text))


def _regions(setup: Setup, directive: Directive, parameters: Parameters) -> Setup:
    return replace(setup, regions=_number(directive, parameters))


def _budget(setup: Setup, directive: Directive, parameters: Parameters) -> Setup:
    budget = _number(directive, parameters)
    if budget < 1:
        raise directive.error(f"{budget} instructions", "give at least 1")
    return replace(setup, budget=budget)


def _map(setup: Setup, directive: Directive, parameters: Parameters) -> Setup:
    match = _MAP.fullmatch(directive.text)
    if match is None:
        raise directive.error(f"cannot read {directive.text!r}", "write `# map: buf 16K rw` or `... rw at 0x20000000`")
    size = parse_size(match["size"])
    if size % PAGE_SIZE or not size:
        raise directive.error(f"{match['size']} is not a whole number of pages", f"use a multiple of {PAGE_SIZE}")
    if match["name"] in setup.symbols or match["name"] in parameters.numbers or match["name"] in RESERVED:
        raise directive.error(f"{match['name']!r} is there already", "choose another name")
    if iskeyword(match["name"]):
        raise directive.error(f"expressions cannot speak of {match['name']!r}", "choose another name")
    above = max((area.start + area.size for area in setup.areas), default=FIRST_MAP - _MAP_ALIGNMENT)
    start = (above // _MAP_ALIGNMENT + 1) * _MAP_ALIGNMENT
    if match["at"]:
        start = _evaluate(match["at"], setup, parameters)
    if start % PAGE_SIZE or not MMAP_MIN <= start <= USER_END - size:
        raise directive.error(f"{start:#x} is not possible", f"use a page-aligned address from {MMAP_MIN:#x} on")
    letters = {"r": uapi.PROT_READ, "w": uapi.PROT_WRITE, "x": uapi.PROT_EXEC, "-": 0}
    prot = sum(letters[letter] for letter in set(match["prot"]))
    area = Area(match["name"], start, size, prot, directive, shared=match["shared"] is not None)
    return replace(setup, areas=(*setup.areas, area))


def _uffd(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    name, *kinds = directive.text.replace(",", " ").split() or [""]
    if name not in setup.symbols:
        raise directive.error(f"no region {name!r} above it", nearest(name, setup.symbols) if setup.symbols else
                              "map it first: `# map: buf 16K rw`")  # fmt: skip
    unknown = [kind for kind in kinds if kind not in _UFFD_MODES]
    if unknown or not kinds:
        remedy = f"write `# uffd: buf missing`, or more of {', '.join(_UFFD_MODES)}"
        raise directive.error(f"{' '.join(unknown) or 'which faults'}?", remedy)
    mode = sum(_UFFD_MODES[kind] for kind in set(kinds))
    areas = tuple(replace(area, uffd=directive, uffd_mode=mode) if area.name == name else area for area in setup.areas)
    return replace(setup, areas=areas)


def _forward(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    if directive.text not in ("on", "off"):
        raise directive.error(f"{directive.text!r}?", "write `# forward: on`; the handler is the label `handler`")
    return replace(setup, forward=directive if directive.text == "on" else None)


def _signal(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    words = directive.text.replace("|", " ").split()
    if len(words) < 2:
        raise directive.error(f"{directive.text!r}?", "write `# signal: SIGSEGV label`, then SA_* flags if you like")
    name, label, *names = words
    if name not in Signal.__members__:
        raise directive.error(f"no signal {name!r}", nearest(name, Signal.__members__))
    flags = [flag for flag in vars(uapi_signal) if flag.startswith("SA_")]
    if unknown := [flag for flag in names if flag not in flags]:
        raise directive.error(f"no flag {unknown[0]!r}", nearest(unknown[0], flags))
    given = sum({int(getattr(uapi_signal, flag)) for flag in names})
    return replace(setup, signals=(*setup.signals, SignalHandler(Signal[name], label, given, directive)))


def _thread(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    if not re.fullmatch(r"[A-Za-z_.][\w.$]*", directive.text):
        raise directive.error(f"{directive.text!r} is not a label", "write `# thread: reader`")
    return replace(setup, threads=(*setup.threads, directive))


def _regs(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    return replace(setup, registers=(*setup.registers, *_assignments(directive, (*REGISTERS, *XMM))))


def _state(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    return replace(setup, state=(*setup.state, *_assignments(directive, STATE)))


def _stdin(setup: Setup, directive: Directive, parameters: Parameters) -> Setup:
    value = value_of(parse(directive.text), KnownNames(parameters.numbers))
    if not isinstance(value, bytes):
        raise directive.error(f"{directive.text} is not text", 'put it in quotes: `# stdin: "text\\n"`')
    return replace(setup, stdin=value)


def _arguments(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    return replace(setup, arguments=tuple(directive.text.split()))


def _native(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    if directive.text not in ("yes", "no"):
        raise directive.error(f"{directive.text!r}?", "write `# native: no` where the host must differ")
    return replace(setup, native=directive.text == "yes")


def _libc(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    if directive.text not in ("yes", "no") or not is_c(directive.file):
        raise directive.error(f"{directive.text!r}?", "write `// libc: yes` in a C file, for a program with main")
    return replace(setup, libc=directive.text == "yes")


def _cflags(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    if not is_c(directive.file):
        raise directive.error("only C files are compiled", "leave it out")
    try:
        flags = shlex.split(directive.text)
    except ValueError as error:
        raise directive.error(str(error), "quote it as in a shell") from None
    for flag in flags:
        if not _HARMLESS.fullmatch(flag) or _LOADS_OR_WRITES.match(flag) or ".." in flag:
            remedy = "use -O -std -D -U -W -g -m -f or -I below it"
            if flag.startswith("-I") and len(flag) > 2:
                remedy = f"write `// includes: {flag[2:]}`, relative to the test file"
            raise directive.error(f"{flag!r} is not for a test file to choose", remedy)
    return replace(setup, cflags=(*setup.cflags, *flags))


def _sources(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    return replace(setup, sources=(*setup.sources, *_paths(directive)))


def _includes(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    return replace(setup, includes=(*setup.includes, *_paths(directive)))


def _paths(directive: Directive) -> list[tuple[str, Directive]]:
    if not is_c(directive.file):
        raise directive.error("only C files are compiled", "use .include")
    try:
        names = shlex.split(directive.text)
    except ValueError as error:
        raise directive.error(str(error), "quote it as in a shell") from None
    if not names:
        raise directive.error("which?", "name them, relative to the test file")
    return [(name, directive) for name in names]


def _cycles(setup: Setup, directive: Directive, _: Parameters) -> Setup:
    profile = profile_of(directive)
    if setup.profile not in (None, profile.name):
        raise directive.error(f"the block runs on {setup.profile} already", "one block runs on one machine: split it")
    return replace(setup, cpu=replace(setup.cpu, profile=profile), profile=profile.name)


_READERS: Final[dict[str, Callable[[Setup, Directive, Parameters], Setup]]] = {
    "cpu": _cpu, "cpus": _cpus, "ram": _ram, "regions": _regions, "budget": _budget, "map": _map, "uffd": _uffd,
    "forward": _forward, "signal": _signal, "thread": _thread, "regs": _regs, "state": _state, "stdin": _stdin,
    "arguments": _arguments, "cycles": _cycles, "native": _native, "libc": _libc, "cflags": _cflags,
    "sources": _sources, "includes": _includes,
}  # fmt: skip


def _assignments(directive: Directive, known: tuple[str, ...]) -> list[Assignment]:
    found = []
    # a value may hold spaces, so the text is cut in front of every `name=`
    for piece in re.split(r"[,\s]+(?=[A-Za-z_][\w.]*\s*=(?!=))", directive.text):
        name, equals, text = (part.strip() for part in piece.partition("="))
        if not equals or not text:
            raise directive.error(f"cannot read {piece!r}", f"write `# {directive.name}: {known[0]}=5`")
        if name not in known:
            raise directive.error(f"nothing is called {name!r}", nearest(name, known))
        found.append(Assignment(name, parse(text), directive))
    return found


def _number(directive: Directive, parameters: Parameters) -> int:
    value = value_of(parse(directive.text), KnownNames(parameters.numbers))
    if not isinstance(value, int):
        raise directive.error(f"{directive.text!r} is not a number", "write a whole number")
    return value


def _evaluate(text: str, setup: Setup, parameters: Parameters) -> int:
    value: Any = value_of(parse(text), KnownNames(parameters.numbers, setup.symbols))
    if not isinstance(value, int):
        raise UsageError(f"{text!r} is not a number", remedy="write an address")
    return value
