"""Verifies the claims about a block's end: how it ended, what held there, counts, and the order of events."""

from __future__ import annotations

import difflib
import io
import re
from typing import Final

from filecheck.finput import FInput
from filecheck.matcher import Matcher
from filecheck.options import Options
from filecheck.parser import Parser, pattern_for_opts

from kernel_model.abi.signal import code_name
from pffemu.errors import PffemuError
from pffemu.inspect.event_text import event_text
from pffemu.inspect.expressions import names_in
from pffemu.machine.stop import BudgetUsedUp, Deadlock, Exited, Killed
from pffemu.testing.claims import Claims, Fault, Raises
from pffemu.testing.cycles import SPANS, WithTimes, resolved_faults
from pffemu.testing.directives import Directive
from pffemu.testing.fault_claims import check_address, check_place, check_trap
from pffemu.testing.runner import Run, describe_stop, rip_text

_LIKE: Final = 0.6  # of 1, for a pattern and a line
_EXCLUDED: Final = re.compile(r"Matching at: events:.*\n(.*)")


def verify(run: Run) -> None:
    """Add every claim that does not hold to `run.failures`."""
    claims = run.case.claims
    ended_as_claimed = _check_end(run, claims)
    for fault in claims.survived[run.survived :]:
        run.fail(fault.directive.where, f"fault: {fault.directive.text}", f"it did not happen: {describe_stop(run)}")
    for label in claims.labels:
        for expect in claims.at:
            arrivals = run.arrivals.get(label, 0)
            if expect.label == label and arrivals < max(1, expect.arrival):
                often = f"only {arrivals} times" if arrivals else "never"
                claim = f"at {expect.directive.label}: {expect.directive.text}"
                run.fail(expect.directive.where, claim, f"{label} was {often} reached")
    if ended_as_claimed:
        for expect in (*claims.expects, *claims.counts):
            run.judge(expect)
        _check_cycles(run, claims)
    for directive in claims.warns:
        warnings = run.recorder.warnings()
        if not any(directive.text in warning for warning in warnings):
            run.fail(directive.where, f"warns: {directive.text}", f"the warnings were {warnings}")
    _check_events(run, claims.checks)


def _check_cycles(run: Run, claims: Claims) -> None:
    """Check `# cycles` claims: those about faults for every fault, the others once."""
    faults = list(resolved_faults(run.recorder.events)) if claims.cycles else []
    block = run.cpu.clock - run.start_clock
    for expect in claims.cycles:
        if not names_in(expect.condition) & set(SPANS):
            run.judge(expect, names=WithTimes(run.view(), {"block": block}))
            continue
        if not faults:
            claim = f"cycles: {expect.directive.text}"
            run.fail(expect.directive.where, claim, "no page fault of the block was resolved")
        for number, fault in enumerate(faults, start=1):
            moment = f" for fault {number} of {len(faults)}, at {run.places.describe(fault.address)}"
            failures = len(run.failures)
            run.judge(expect, moment, WithTimes(run.view(), {"block": block, **fault.spans}), fault.event)
            if len(run.failures) > failures:
                break


def _check_end(run: Run, claims: Claims) -> bool:
    """Whether the block ended as claimed; expressions are checked only then."""
    start = f"{run.case.block.file}:{run.case.block.first}"
    if claims.fault is not None:
        return _check_fault(run, claims.fault)
    if claims.raises is not None:
        return _check_raises(run, claims.raises)
    if claims.deadlock is not None:
        return _check_deadlock(run, claims.deadlock)
    if claims.end == "budget-used-up":
        if not isinstance(run.stop, BudgetUsedUp):
            run.fail(start, "budget-used-up", f"the block {describe_stop(run)}")
        return True
    if claims.end == "exit" and isinstance(run.stop, Exited):
        return True
    if claims.end == "end" and run.reached_end:
        return True
    wanted = "it exits" if claims.end == "exit" else "it runs to its end"
    run.fail(start, wanted, f"the block {describe_stop(run)}")
    return False


def _check_fault(run: Run, fault: Fault) -> bool:
    ended = run.machine.kernel.ended
    trap = ended.trap if ended is not None else None
    if not isinstance(run.stop, Killed) or trap is None:
        what = f"no fault ended the block: it {describe_stop(run)}"
        run.fail(fault.directive.where, f"fault: {fault.directive.text}", what)
        return False
    check_trap(run, fault, trap, run.cpu.registers["rip"])
    return True


def _check_raises(run: Run, raises: Raises) -> bool:
    directive, ended = raises.directive, run.machine.kernel.ended
    claim = f"raises: {directive.text}"
    if not isinstance(run.stop, Killed) or ended is None:
        run.fail(directive.where, claim, f"no signal ended the block: it {describe_stop(run)}")
        return False
    if run.stop.signal is not raises.signal:
        run.fail(directive.where, claim, f"it was {run.stop.signal.name} at {rip_text(run)}")
    if raises.code is not None and ended.code != raises.code:
        run.fail(directive.where, claim, f"si_code is {code_name(run.stop.signal, ended.code)}")
    check_place(run, directive, claim, raises.label, run.cpu.registers["rip"])
    check_address(run, directive, claim, raises.address, ended.trap.address if ended.trap is not None else 0)
    return True


def _check_deadlock(run: Run, directive: Directive) -> bool:
    if not isinstance(run.stop, Deadlock):
        run.fail(directive.where, f"deadlock: {directive.text}", f"no deadlock: the block {describe_stop(run)}")
        return False
    if directive.text not in run.stop.message:
        run.fail(directive.where, f"deadlock: {directive.text}", f"the deadlock says: {run.stop.message}")
    return True


def event_lines(run: Run) -> list[str]:
    """The events from the block's start on, as the lines that CHECK matches."""
    return [event_text(event, run.places.describe) for event in run.recorder.events]


def _check_events(run: Run, checks: tuple[Directive, ...]) -> None:
    """Match CHECK lines against the events, with the filecheck library."""
    if not checks:
        return
    lines = event_lines(run)
    numbered = [""] * max(directive.number for directive in checks)
    for directive in checks:
        numbered[directive.number - 1] = f"{directive.name}: {directive.text}"
    options = Options("checks", "events", allow_empty=True)
    parser = Parser(options, io.StringIO("\n".join(numbered) + "\n"), *pattern_for_opts(options))
    # the first line is empty: CHECK-NEXT at the start needs a line before the one it matches
    matcher = Matcher(options, FInput("events", "\n".join(["", *lines, ""])), parser)
    matcher.stderr = io.StringIO()
    try:
        failed = matcher.run()
    except (NotImplementedError, RuntimeError, re.error) as error:
        raise PffemuError(f"filecheck: {error}", where=checks[0].where, remedy="use a simpler pattern") from None
    if not failed:
        return
    output = re.sub(r"\x1b\[\d+m", "", matcher.stderr.getvalue())
    head = re.match(r"checks:(\d+):(?:\d+)? *(?:error: )?(.*)", output)
    number = int(head[1]) if head is not None else checks[0].number
    what = head[2] if head is not None else output.strip()
    claimed = next((d for d in checks if d.number == number), checks[0])
    # behind the last match lies what should have matched
    event = matcher.file.content.count("\n", 0, matcher.file.range.start)
    if (found := _EXCLUDED.search(output)) is not None:
        event = lines.index(found[1])
    shown = min(event, len(lines) - 1) if lines else None
    what += _intended(claimed.text, lines[event - 1 if event else 0 :]) if found is None else ""
    run.fail(claimed.where, f"{claimed.name}: {claimed.text}", what, event=shown)


def _intended(pattern: str, lines: list[str]) -> str:
    """FileCheck's "possible intended match": the line that is most like the pattern; nothing when none is."""
    near = difflib.get_close_matches(pattern, [line[: len(pattern)] for line in lines], 1, _LIKE)
    found = next((line for line in lines if near and line.startswith(near[0])), "")
    return f"\n  possible intended match: {found}" if found else ""
