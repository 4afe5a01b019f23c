"""The command set: every command answers, wrong input gives one error, and places can be written in all forms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pffemu import Machine, UsageError
from pffemu.debug.command_table import TABLE
from pffemu.debug.commands import Commands
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.debug.source_lines import lines_of_file
from pffemu.errors import PffemuError
from pffemu.events.phases import PHASES
from pffemu.state.snapshot_file import restore

EXAMPLE = Path(__file__).parents[3] / "examples" / "own_handler.s"


@pytest.fixture
def talk() -> Iterator[Commands]:
    machine = Machine(cpus=1)
    machine.load(EXAMPLE)
    session = Session(machine)
    yield Commands(session, Places(machine, lines_of_file(EXAMPLE)), Path)
    session.close()


def last_line(text: str) -> str:
    return text.splitlines()[-1]


def test_one_fault_is_walked_through_with_commands_alone(talk: Commands) -> None:
    assert talk.execute("break touch") == "1: touch, 0 hits"
    assert "touch (0x400087)" in talk.execute("continue")
    assert talk.execute("phase").startswith("walk refused: refused address=")
    assert talk.execute("event handler").startswith("2: event handler")
    assert talk.execute("c").startswith("handler: handler rip=handler")
    assert "RIP (touch)" in talk.execute("frame")
    assert "fault address" in talk.execute("info stack")
    assert "UIF                0" in talk.execute("uintr")
    assert "frame of 48 bytes" in talk.execute("timeline")
    assert "touch" in talk.execute("finish").splitlines()[0]
    assert talk.execute("rc").startswith("handler:")
    assert "touch" in talk.execute("rf").splitlines()[0]
    assert talk.execute("print uif") == "0x1 = 1"
    talk.execute("delete 1")
    talk.execute("delete 2")
    assert talk.execute("continue") == "the guest ended: exited with status 42"


def test_every_command_answers_or_says_what_it_wants(talk: Commands) -> None:
    for entry in TABLE:
        for name in entry.names:
            with suppress(PffemuError):
                assert isinstance(talk.execute(name), str)
    assert talk.over


@pytest.mark.parametrize("line", [
    "steep", "break nowhere", "break", "break own_handler.s:9999", "watch 0x1000 0", "delete 7", "step -1", "step x",
    "goto -1", "goto x", "thread 9", "x 0x10", "print rax ==", "print nothing", "event", "save", "walk *", "break 5+y",
    "break touch if", "watch touch 99999",
])  # fmt: skip
def test_what_is_wrong_is_one_error(talk: Commands, line: str) -> None:
    if line == "break touch if":
        assert talk.execute(line).startswith("1: touch")
        return
    with pytest.raises(UsageError):
        talk.execute(line)


def test_places_are_symbols_sums_lines_and_registers(talk: Commands) -> None:
    places, symbols = talk.places, talk.session.symbols
    assert places.address_of("touch") == symbols["touch"]
    assert places.address_of("touch+0x10") == symbols["touch"] + 16
    assert places.address_of("*0x400000") == 0x400000
    assert places.address_of("own_handler.s:43") == symbols["touch"]
    assert places.address_of("rsp-8") == talk.session.register(1, "rsp") - 8
    line = places.source_of(symbols["touch"])
    assert line is not None
    assert (line.file, line.number) == ("own_handler.s", 43)


def test_conditions_threads_and_switches(talk: Commands) -> None:
    talk.execute("break handler+1 if rdi == 12345")
    talk.execute("tbreak handler")
    assert "2 hits" not in talk.execute("c")
    assert talk.execute("breakpoints") == "1: handler+1, if rdi == 12345, 0 hits"
    assert "disabled" in talk.execute("disable 1")
    assert "disabled" not in talk.execute("enable 1")
    assert talk.execute("continue").startswith("the guest ended")
    assert talk.execute("breakpoints").endswith("0 hits")


def test_a_saved_machine_goes_on(talk: Commands, tmp_path: Path) -> None:
    path = tmp_path / "state"
    talk.execute("break handler")
    talk.execute("continue")
    talk.execute(f"save {path}")
    assert restore(path).run().exit_code == 42
    talk.execute("phase")
    with pytest.raises(UsageError):
        talk.execute(f"save {path}")


def test_goto_and_steps_in_numbers(talk: Commands) -> None:
    assert "instruction 12" in talk.execute("goto 12")
    assert "instruction 20" in talk.execute("step 8")
    assert "instruction 15" in talk.execute("rs 5")
    assert "instruction 3" in talk.execute("goto 3")
    assert talk.execute("reverse-step 9").startswith("no more history")


_talks: list[Commands] = []


NAMES = [name for entry in TABLE for name in entry.names if name not in ("save", "goto", "g")]
ARGUMENTS = st.one_of(st.integers(-3, 40).map(str), st.text(max_size=20), st.sampled_from(["touch", "rsp 8", "if 1"]))


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(max_size=40), st.builds("{} {}".format, st.sampled_from(NAMES), ARGUMENTS)))
def test_no_line_is_more_than_an_error(line: str) -> None:
    if not _talks:
        machine = Machine(cpus=1)
        machine.load(EXAMPLE)
        _talks.append(Commands(Session(machine), Places(machine)))
    with suppress(PffemuError):
        _talks[0].execute(line)


def test_an_unknown_event_is_an_error_with_the_nearest_name(talk: Commands) -> None:
    with pytest.raises(UsageError, match="did you mean 'frame'"):
        talk.execute("event frmae")
    with pytest.raises(UsageError, match="no event is called 'nonsense'"):
        talk.execute("event nonsense")
    for name in (*PHASES.values(), "page fault", "syscall ioctl", "stui"):
        assert "0 hits" in talk.execute(f"event {name}")


def test_help_of_one_command_and_source_and_set(talk: Commands) -> None:
    assert talk.execute("help break").startswith("break, b PLACE")
    assert "=>    43  " in talk.execute("list touch")
    assert talk.execute("set rax = 0x10 + 1") == "0x11 = 17"
    assert talk.execute("set mem32[rsp] = -1") == "0xffffffff = 4294967295"
    assert talk.execute("print mem64[rsp] >> 32") == "0x0 = 0"
    for wrong in ("set rax", "set rex = 1", "set mem64[rsp = 1", "set flags = 1", "help brake"):
        with pytest.raises(UsageError):
            talk.execute(wrong)
