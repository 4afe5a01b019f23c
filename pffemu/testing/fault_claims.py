"""Claims about an exception: which, with what error code, where; of the block's last one, and of those it survives.

A survived fault (`# fault: #UD then after`) is a signal that the harness handles. The machine stops in the handler,
where the claim is checked against the ucontext_t; the handler then returns to the label that the directive names.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Signal
from kernel_model.task.signals import SigAction
from pffemu.arch import exceptions, pagefault
from pffemu.arch.exceptions import PF
from pffemu.errors import UsageError
from pffemu.hw.trap import Trap
from pffemu.inspect.expressions import value_of
from pffemu.testing.claims import Fault
from pffemu.testing.directives import Directive

if TYPE_CHECKING:
    from pffemu.testing.runner import Run

SIGNALS: Final = (Signal.SIGSEGV, Signal.SIGBUS, Signal.SIGFPE, Signal.SIGILL, Signal.SIGTRAP)  # those of exceptions
RIP_AT, _ERR, _TRAPNO, _CR2 = 168, 192, 200, 216  # offsets in ucontext_t (struct sigcontext_64 is at 40)


def survive(run: Run) -> None:
    """At the harness's signal handler: check the next claim. After the last one signals kill again."""
    context, memory = run.cpu.registers["rdx"], run.machine.memory
    rip, error, vector, address = (memory.read_u64(context + at) for at in (RIP_AT, _ERR, _TRAPNO, _CR2))
    claims = run.case.claims.survived
    fault = claims[run.survived]
    run.survived += 1
    check_trap(run, fault, Trap(vector, error, address), rip)
    if run.survived == len(claims):
        for signal in SIGNALS:
            run.machine.process.signals.handlers.actions[signal] = SigAction()


def check_trap(run: Run, fault: Fault, trap: Trap, rip: int) -> None:
    """Add what differs from the claim to `run.failures`."""
    directive, claim = fault.directive, f"fault: {fault.directive.text}"
    if trap.vector != fault.vector:
        run.fail(directive.where, claim, f"it was {exceptions.name(trap.vector)} at {_place(run, rip)}")
    if fault.error_code is not None and trap.error_code != fault.error_code:
        given = pagefault.describe(trap.error_code) if trap.vector == PF else f"{trap.error_code:#x}"
        run.fail(directive.where, claim, f"the error code is {given}")
    check_place(run, directive, claim, fault.label, rip)
    check_address(run, directive, claim, fault.address, trap.address)


def check_place(run: Run, directive: Directive, claim: str, label: str, rip: int) -> None:
    if not label:
        return
    if label not in run.symbols:
        raise directive.error(f"no label {label!r}", "name a label of the block")
    if rip != run.symbols[label]:
        what = f"it happened at {_place(run, rip)}, not at {label} ({run.symbols[label]:#x})"
        run.fail(directive.where, claim, what)


def check_address(run: Run, directive: Directive, claim: str, wanted: ast.expr | None, found: int) -> None:
    if wanted is None:
        return
    try:
        address = value_of(wanted, run.view())
    except UsageError as error:
        run.fail(directive.where, claim, str(error))
        return
    if address != found:
        text = f"the address is {found:#x} ({run.places.describe(found)}), not {address:#x}"
        run.fail(directive.where, claim, text)


def _place(run: Run, rip: int) -> str:
    return f"{run.places.describe(rip)} ({rip:#x})"
