"""python -m tests.fuzz.replayed HOW FOLDER [NUMBER ...]: runs programs of replay.py, and prints what each has left.

HOW: `plain`, `traced` (with a trace file), `pieces` (budgets of all lengths) or `debugged` (steps, phases and steps
back before it runs on). A line: the program, a hash of the machine, one of its output, its instructions, and its end.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import re
import sys
from pathlib import Path
from typing import Any, Final

from pffemu import Machine
from pffemu.cli.measure import Recorder
from pffemu.debug.halt import Why
from pffemu.debug.session import Session
from pffemu.machine.stop import BudgetUsedUp, Stop
from pffemu.state.machine_hash import state_lines
from pffemu.state.ram_pages import used_pages
from tests.fuzz.replay import PROGRAMS, laid_out

_BUDGET: Final = 1_000_000  # instructions
# inode numbers and times by which files of the host are known; the guest sees none of them
_OF_THE_HOST: Final = re.compile(r"\.(host_inodes\._kept\.keys|_caches\._caches\.keys|place\.key|_stamp)\[")
_PIECES: Final = (1, 2, 3, 10, 1000, 50_000, 200_000)  # instructions


def _debugged(machine: Machine) -> Stop | None:
    session = Session(machine)
    moves = (session.step, session.step_over, session.phase, session.reverse_step, session.step, session.reverse_phase)
    try:
        for move in moves * 3:
            halt = move()
            if halt.why is Why.ENDED:
                return halt.outcome
        halt = session.go_to_instruction(machine.instructions + 5000)
        if halt.why is not Why.ENDED:
            session.reverse_step()
    finally:
        session.close()
    return _in_pieces(machine, (_BUDGET,))


def _in_pieces(machine: Machine, pieces: tuple[int, ...]) -> Stop:
    source = random.Random(0)
    while True:
        piece = min(source.choice(pieces), _BUDGET - machine.instructions)
        stop = machine.run(piece)
        if not isinstance(stop, BudgetUsedUp) or machine.instructions >= _BUDGET:
            return stop


def _run(machine: Machine, how: str) -> Stop | None:
    if how == "debugged":
        return _debugged(machine)
    if how == "pieces":
        return _in_pieces(machine, _PIECES)
    if how == "traced":
        with Recorder(machine, Path("trace")):
            return machine.run(_BUDGET)
    return machine.run(_BUDGET)


def _state(machine: Machine) -> str:
    """A hash of all that the machine is, but for what it knows of the host's files."""
    digest = hashlib.sha256()
    for line in state_lines(machine):
        if not _OF_THE_HOST.search(line):
            digest.update(line.encode() + b"\n")
    for frame, data in used_pages(machine).items():
        digest.update(frame.to_bytes(8, "little") + data)
    return digest.hexdigest()


def left_by(number: int, how: str, folder: Path) -> str:
    """Run the program there."""
    file, arguments, options = laid_out(PROGRAMS[number], folder)
    os.chdir(folder)
    output = io.BytesIO()
    told: dict[str, Any] = dict(options)
    # without a root: going back does not take back what has been written into the host's files
    machine = Machine(stdout=output, stderr=output, **told)
    machine.load(Path(file), arguments)
    stop = _run(machine, how)
    ended = type(stop).__name__ if isinstance(stop, BudgetUsedUp) else str(stop).splitlines()[0]
    printed = hashlib.sha256(output.getvalue()).hexdigest()[:16]
    return f"{PROGRAMS[number].name} {_state(machine)} {printed} {machine.instructions} {ended}"


def main(how: str, folder: str, *numbers: str) -> None:
    """Run the programs, each in a folder of its own below `folder`."""
    for number in map(int, numbers or map(str, range(len(PROGRAMS)))):
        print(left_by(number, how, Path(folder).resolve() / str(number)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
