"""A block's claims, parsed: its end, conditions there and at labels, and the order of events."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from kernel_model.abi import signal as uapi_signal
from kernel_model.abi.uapi import Signal
from pffemu.arch import exceptions, pagefault
from pffemu.errors import UsageError
from pffemu.inspect.expressions import names_in, parse
from pffemu.inspect.nearest import nearest
from pffemu.testing.blocks import Block, fill
from pffemu.testing.cycles import NAMES, split
from pffemu.testing.directives import CHECK, Directive

_VECTORS: Final = {name: vector for vector, name in exceptions.NAMES.items()}
_CODE_BITS: Final = {name: getattr(pagefault, name) for name in ("P", "W", "U", "RSVD", "I")}
_FAULT: Final = re.compile(
    r"(?P<name>#?\w+)\s*(\((?P<code>[^)]*)\))?(\s+address\s*=\s*(?P<address>.+?))?(\s+at\s+(?P<at>[A-Za-z_.][\w.$]*))?"
    r"(\s+then\s+(?P<then>[A-Za-z_.][\w.$]*))?"
)
_RAISES: Final = re.compile(
    r"(?P<signal>\w+)(\s+code\s*=\s*(?P<code>\w+))?(\s+addr\s*=\s*(?P<address>.+?))?(\s+at\s+(?P<at>[A-Za-z_.][\w.$]*))?"
)


@dataclass(frozen=True, slots=True)
class Expect:
    """`condition` must hold at the block's end; with `label`, at each arrival there, or only at the `arrival`-th."""

    directive: Directive
    condition: ast.expr
    label: str = ""
    arrival: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """`# fault: #GP(0) at LABEL`: the block dies of this exception, or with `then` goes on at that label."""

    directive: Directive
    vector: int
    error_code: int | None
    address: ast.expr | None
    label: str
    then: str = ""


@dataclass(frozen=True, slots=True)
class Raises:
    """`# raises: SIGSEGV code=SEGV_MAPERR addr=EXPR at LABEL`: the block dies of this signal."""

    directive: Directive
    signal: Signal
    code: int | None
    address: ast.expr | None
    label: str


@dataclass(frozen=True, slots=True)
class Claims:
    """A block's claims. `end`: how it must end: fault, raises, deadlock, budget-used-up, exit, or end (of its code)."""

    end: str
    expects: tuple[Expect, ...]
    at: tuple[Expect, ...]
    counts: tuple[Expect, ...]
    cycles: tuple[Expect, ...]
    checks: tuple[Directive, ...]
    warns: tuple[Directive, ...]
    fault: Fault | None = None
    raises: Raises | None = None
    deadlock: Directive | None = None
    survived: tuple[Fault, ...] = ()  # in the order in which they happen

    @property
    def labels(self) -> list[str]:
        """Labels at which the run must stop."""
        return list(dict.fromkeys(expect.label for expect in self.at))


def read_claims(block: Block, texts: Mapping[str, str]) -> Claims:
    """Read a block's claims. Raises TestFileError, also for a block without any claim."""
    directives = [replace(d, text=fill(d.text, texts), label=fill(d.label, texts)) for d in block.directives]
    try:
        claims = _read(directives)
    except UsageError as error:
        raise error if error.where else UsageError(error.what, where=f"{block.file}:{block.first}") from None
    if (
        not any((claims.expects, claims.at, claims.counts, claims.cycles, claims.checks, claims.warns, claims.survived))
        and claims.end == "end"
    ):
        raise directives_error(block, "claims nothing", "add an `# expect:`, `# fault:`, `# CHECK:` ...")
    return claims


def directives_error(block: Block, what: str, remedy: str) -> UsageError:
    return Directive("test", block.claim, block.file, block.first).error(what, remedy)


def _read(directives: list[Directive]) -> Claims:
    expects = [_expect(d) for d in directives if d.name == "expect"]
    every_fault = [_fault(d) for d in directives if d.name == "fault"]
    faults, survived = [f for f in every_fault if not f.then], [f for f in every_fault if f.then]
    raises = [_raises(d) for d in directives if d.name == "raises"]
    deadlocks = [d for d in directives if d.name == "deadlock"]
    gone_on = [fault.directive for fault in survived]
    ends = [d for d in directives if d.name in ("fault", "raises", "deadlock", "budget-used-up") and d not in gone_on]
    if len({d.name for d in ends}) > 1 or len(faults) > 1 or len(raises) > 1 or len(deadlocks) > 1:
        raise ends[-1].error(f"the block ends only once, see line {ends[0].number}", "split it into two blocks")
    exits = [expect for expect in expects if "exit" in names_in(expect.condition)]
    if ends and exits:
        raise ends[-1].error("a block that ends so has no exit status", "drop one of the two claims")
    return Claims(
        end=ends[-1].name if ends else "exit" if exits else "end",
        expects=tuple(expects),
        at=tuple(_at(d) for d in directives if d.name == "at"),
        counts=tuple(_expect(d) for d in directives if d.name == "count"),
        cycles=tuple(_cycles(d) for d in directives if d.name == "cycles"),
        checks=tuple(d for d in directives if CHECK.match(f"{d.name}:")),
        warns=tuple(d for d in directives if d.name == "warns"),
        fault=faults[0] if faults else None,
        raises=raises[0] if raises else None,
        deadlock=deadlocks[0] if deadlocks else None,
        survived=tuple(survived),
    )


def _condition(directive: Directive, text: str) -> ast.expr:
    try:
        tree = parse(text)
    except UsageError as error:
        raise directive.error(error.what, error.remedy) from None
    if not names_in(tree):
        raise directive.error(f"{text!r} names no machine state", "name a register, memory, a flag or a count")
    return tree


def _expect(directive: Directive) -> Expect:
    return Expect(directive, _condition(directive, directive.text))


def _cycles(directive: Directive) -> Expect:
    condition = _condition(directive, split(directive)[0])
    if not names_in(condition) & set(NAMES):
        raise directive.error("no time in it", f"name one of {', '.join(NAMES)}")
    return Expect(directive, condition)


def _at(directive: Directive) -> Expect:
    label, _, arrival = directive.label.partition("#")
    return Expect(directive, _condition(directive, directive.text), label, int(arrival or 0))


def _fault(directive: Directive) -> Fault:
    match = _FAULT.fullmatch(directive.text)
    if match is None:
        raise directive.error(f"cannot read {directive.text!r}", "write `# fault: #GP(0) at LABEL`")
    name = match["name"] if match["name"].startswith("#") else f"#{match['name']}"
    if name not in _VECTORS:
        raise directive.error(f"no exception {name!r}", nearest(name, _VECTORS))
    if match["code"] is not None and _VECTORS[name] not in exceptions.HAS_ERROR_CODE:
        raise directive.error(f"{name} has no error code", f"write `# fault: {name}`")
    address = _condition_or_none(directive, match["address"])
    code, at, then = _error_code(directive, match["code"]), match["at"] or "", match["then"] or ""
    return Fault(directive, _VECTORS[name], code, address, at, then)


def _error_code(directive: Directive, text: str | None) -> int | None:
    if text is None:
        return None
    if text.strip() in ("", "0", "-"):
        return 0
    code = 0
    for word in text.split("|"):
        if word.strip() in _CODE_BITS:
            code |= _CODE_BITS[word.strip()]
        elif re.fullmatch(r"0x[0-9a-fA-F]{1,16}|[1-9]\d{0,19}|0", word.strip(), re.ASCII):
            code |= int(word, 0)
        else:
            raise directive.error(f"no error-code bit {word.strip()!r}", nearest(word.strip(), _CODE_BITS))
    return code


def _raises(directive: Directive) -> Raises:
    match = _RAISES.fullmatch(directive.text)
    if match is None:
        raise directive.error(f"cannot read {directive.text!r}", "write `# raises: SIGSEGV addr=buf at LABEL`")
    if match["signal"] not in Signal.__members__:
        raise directive.error(f"no signal {match['signal']!r}", nearest(match["signal"], Signal.__members__))
    address = _condition_or_none(directive, match["address"])
    code = _signal_code(directive, match["code"])
    return Raises(directive, Signal[match["signal"]], code, address, match["at"] or "")


def _signal_code(directive: Directive, text: str | None) -> int | None:
    if text is not None and text not in uapi_signal.CODE_NAMES:
        raise directive.error(f"no si_code {text!r}", nearest(text, uapi_signal.CODE_NAMES))
    return None if text is None else int(getattr(uapi_signal, text))


def _condition_or_none(directive: Directive, text: str | None) -> ast.expr | None:
    if text is None:
        return None
    try:
        return parse(text)
    except UsageError as error:
        raise directive.error(error.what, error.remedy) from None
