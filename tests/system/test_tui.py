"""The panes and keys, driven by textual's pilot: what a person sees while standing in a forwarded fault."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from guest.build import guest
from guest.paths import ASM
from guest.workloads import RESULT_FD, FaultWorkload
from pffemu import Machine, Mode, assemble
from pffemu.debug.commands import Commands
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.debug.source_lines import lines_of_file

pytest.importorskip("textual", reason="the panes need the extra tui")
from textual.events import Key
from textual.widgets import Input, RichLog

from pffemu.tui.app import DebuggerApp
from pffemu.tui.layout import CHOICE, size_of
from pffemu.tui.pane import Pane
from pffemu.tui.panes import PANES

SIZE = (180, 52)


class Collected:
    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes, /) -> None:
        self.data += data


@pytest.fixture
def commands() -> Iterator[Commands]:
    workload = FaultWorkload(3)
    machine = Machine(mode=Mode.PFF)
    for fd, data in workload.files.items():
        machine.open_ram_file(fd, "data", data)
    machine.open_output(RESULT_FD, "result", Collected())
    machine.load(guest(workload.guest), workload.arguments)
    session = Session(machine)
    yield Commands(session, Places(machine, lines_of_file(ASM / "fault_bench.s")))
    session.close()


def run(commands: Commands, *keys: str, size: tuple[int, int] = SIZE) -> tuple[dict[str, str], str]:
    """Press `keys` (`:text` types a command); what each pane shows then, and the screen as SVG."""
    shown: dict[str, str] = {}
    picture = ""

    async def go() -> None:
        nonlocal picture
        app = DebuggerApp(commands, bytearray())
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            for key in keys:
                if key.startswith(":"):
                    await pilot.press("colon")
                    app.query_one(Input).value = key[1:]
                    await pilot.press("enter", "escape")
                else:
                    await pilot.press(key)
                await app.workers.wait_for_complete()
                await pilot.pause()
            await pilot.pause()
            for pane in app.query(Pane):
                shown[str(pane.id)] = pane.text.plain
            picture = app.export_screenshot()

    asyncio.run(go())
    return shown, picture


def test_every_pane_shows_something_at_the_start(commands: Commands) -> None:
    shown, _ = run(commands)
    assert set(shown) == {*PANES}
    assert all(text for name, text in shown.items() if name != "directives")  # Tab puts it there
    assert "=> 0x" in shown["code"]
    assert "no page fault yet" in shown["walk"]


def test_keys_step_and_their_capitals_step_back(commands: Commands) -> None:
    start = commands.session.halt
    run(commands, "s", "s", "s")
    assert commands.session.halt.moment.instructions == start.moment.instructions + 3
    run(commands, "S", "S", "S")
    assert commands.session.halt.moment == start.moment


def test_a_person_stands_in_the_handler_and_sees_the_frame(commands: Commands) -> None:
    shown, _ = run(commands, ":break page_fault_handler", "c")
    assert "page_fault_handler:" in shown["code"]
    for word in ("vector", "RIP", "fault address", "error code"):
        assert word in shown["stack"]
    assert "the kernel (UIF=0)" in shown["uintr"]
    assert "not present" in shown["walk"]
    assert "MMU: forward to ring 3" in shown["timeline"]
    assert "missing" in shown["regions"]
    assert "thread 1" in shown["queues"]


def test_phases_lie_below_the_instruction(commands: Commands) -> None:
    run(commands, ":event refused", "c")
    before = commands.session.halt
    run(commands, "p")
    after = commands.session.halt
    assert after.moment.instructions == before.moment.instructions
    assert after.moment.marks > before.moment.marks
    run(commands, "P")
    assert commands.session.halt.moment.marks == before.moment.marks


def test_a_wrong_command_is_said_and_nothing_is_lost(commands: Commands) -> None:
    _, picture = run(commands, ":brake main")
    assert "no&#160;command&#160;&#x27;brake&#x27;" in picture
    assert commands.session.halt.moment.instructions == 0


def test_what_changed_stands_out(commands: Commands) -> None:
    _, before = run(commands)
    _, after = run(commands, "s")
    assert before != after


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_every_pane_can_be_seen_whole_on_every_terminal(commands: Commands, size: tuple[int, int]) -> None:
    """The panes of the user's choice one after the other: the frame's names, UIF and its note, the refusing entry."""
    pictures = ""
    panes = len(CHOICE[size_of(*size)])
    for _ in range(max(1, panes)):
        chosen = pictures.count("<svg")
        start = () if chosen else (":break page_fault_handler", "c")
        _, picture = run(commands, *start, *["tab"] * chosen, size=size)
        pictures += picture
    for text in (
        "fault address", "the kernel (UIF=0)", "not present", "missing", "rflags", "core 0", "r15", "forward to ring 3",
        "UIHANDLER", "=&gt; 0x", "instruction",
    ):  # fmt: skip
        assert text.replace(" ", "&#160;") in pictures, text
    assert "[user&#160;interrupt]" in pictures  # the callers


def test_one_pane_can_have_the_screen(commands: Commands) -> None:
    whole, _ = run(commands, size=(80, 24))
    zoomed, picture = run(commands, "z", "tab", size=(80, 24))
    assert "user&#160;interrupts" in picture
    assert "UIHANDLER" in zoomed["uintr"]
    assert zoomed["registers"] == whole["registers"]  # not drawn
    _, picture = run(commands, "z", "tab", "z", size=(80, 24))
    assert "=&gt;&#160;0x" in picture


def test_directives_are_a_pane_which_follows_the_phases_back() -> None:
    machine = Machine(mode=Mode.HW, ram=32 << 20)
    machine.load(guest("fault_bench"), FaultWorkload(3, frames=2).arguments)
    session = Session(machine)
    shown, picture = run(Commands(session, Places(machine)), ":event declined", "c", "tab", "tab", *"PPPPPPP")
    assert "COPY&#160;from" in picture
    assert "1 of 2 frames, 0 returned, 1 record" in shown["directives"]
    assert "next step: record" in shown["directives"]
    session.close()


def test_the_thread_that_was_chosen_is_shown() -> None:
    machine = Machine(mode=Mode.UFFD, cpus=1, stdout=Collected(), stderr=Collected())
    machine.open_output(RESULT_FD, "result", Collected())
    machine.load(guest("fault_bench"), FaultWorkload(3).arguments)
    session = Session(machine)
    talk = Commands(session, Places(machine))
    shown, picture = run(talk, ":event message read", "c", ":thread 1")
    assert "thread&#160;1,&#160;core&#160;0" in picture
    rip, rsp = (session.register(1, name) for name in ("rip", "rsp"))
    assert rip != session.cpu.registers["rip"]
    assert f"=> {rip:#x}" in shown["code"]
    assert f"{rip:016x}" in shown["registers"]
    assert f"RSP> {rsp:#x}" in shown["stack"]
    shown, _ = run(talk, ":thread 2")
    assert f"=> {session.register(2, 'rip'):#x}" in shown["code"]
    session.close()


def test_ctrl_c_while_nothing_runs_says_how_to_leave(commands: Commands) -> None:
    _, picture = run(commands, "ctrl+c")
    assert "nothing&#160;runs;&#160;q&#160;leaves" in picture


def test_ctrl_c_stops_a_guest_that_would_run_for_ever() -> None:
    machine = Machine()
    machine.load(assemble("_start: jmp _start\n"))
    session = Session(machine)

    async def go() -> None:
        app = DebuggerApp(Commands(session, Places(machine)), bytearray())
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("c")
            await asyncio.sleep(0.2)
            await pilot.press("ctrl+c")
            await asyncio.wait_for(app.workers.wait_for_complete(), 20)

    asyncio.run(go())
    assert session.halt.why.value == "interrupted"
    session.close()


def test_fast_keys_are_all_done(commands: Commands) -> None:
    async def go() -> None:
        app = DebuggerApp(commands, bytearray())
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press(*"ssssssssss", "S", "S")
            while app._busy:
                await asyncio.sleep(0.02)
            await app.workers.wait_for_complete()

    asyncio.run(go())
    assert commands.session.halt.moment.instructions == 8


def test_the_command_line_recalls_completes_and_gives_the_keys_back(commands: Commands) -> None:
    values = []

    async def go() -> None:
        app = DebuggerApp(commands, bytearray())
        async with app.run_test(size=SIZE) as pilot:
            await pilot.press("colon", *"break page_fau", "tab")
            values.append(app.query_one(Input).value)
            await pilot.press("enter")
            await app.workers.wait_for_complete()
            await pilot.pause()
            values.append(app.focused)
            await pilot.press("c")
            await app.workers.wait_for_complete()
            await pilot.press("colon", "up")
            values.append(app.query_one(Input).value)
            await pilot.press("escape", "question_mark")
            values.append(type(app.screen).__name__)
            await pilot.press("escape")

    asyncio.run(go())
    assert values == ["break page_fault_handler ", None, "break page_fault_handler", "HelpScreen"]
    assert commands.session.symbols.describe(commands.session.halt.rip) == "page_fault_handler"


def test_keys_that_come_at_once_act_in_their_order(commands: Commands) -> None:
    """As while the host is busy: letters, Tab, Backspace and Enter, and keys of the panes behind it."""
    values = []
    keys = [":", *"brx", "backspace", "tab", *" page_fau", "tab", "enter", "c", "s", ":", "up", "escape", "s", "S"]

    async def go() -> None:
        app = DebuggerApp(commands, bytearray())
        async with app.run_test(size=SIZE) as pilot:
            for key in keys:
                app.post_message(Key({":": "colon", " ": "space"}.get(key, key), key if len(key) == 1 else None))
            await pilot.pause()
            while app._busy:
                await asyncio.sleep(0.02)
            await app.workers.wait_for_complete()
            values.extend([app.query_one(Input).value, app.focused])

    asyncio.run(go())
    assert values == ["break page_fault_handler", None]
    assert len(list(commands.session.breakpoints)) == 1
    assert commands.execute("reverse-step").startswith("thread 1 at page_fault_handler (")


def test_source_lines_are_stepped_by_keys_both_ways(commands: Commands) -> None:
    shown, _ = run(commands, ":break page_fault_handler", "c", "l", "l")
    here = next(line for line in shown["source"].splitlines() if line.startswith("=>"))
    place = commands.places.source_of(commands.session.halt.rip)
    assert place is not None
    assert here.split()[1] == str(place.number)
    before = commands.session.halt.moment
    run(commands, "i", "L")
    assert commands.session.halt.moment == before


def test_words_are_searched_in_all_panes_which_scroll_there_and_by_wheel_and_keys(commands: Commands) -> None:
    seen: list[object] = []

    async def go() -> None:
        app = DebuggerApp(commands, bytearray())
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            source = app.query_one("#source", Pane)
            last = [line for line in source.text.plain.splitlines() if line.strip()][-1].split(maxsplit=1)[1]
            await pilot.press("slash")
            app.query_one(Input).value = f"/{last}"
            await pilot.press("enter")
            await pilot.pause()
            seen.extend((app.focused is source, source.scroll_y > 0))
            await pilot.press("slash", *"uistackadjust", "enter", "f3")
            seen.append(getattr(app.focused, "id", ""))
            await pilot.press("slash", *"no such words", "enter", "w")
            await pilot.pause()
            log = "".join(strip.text for strip in app.query_one("#log", RichLog).lines)
            seen.append("no pane on the screen has 'no such words'" in log)
            code = app.query_one("#code", Pane)
            code.focus()
            await pilot.press("end")
            await pilot.pause(0.5)
            below = code.scroll_y
            code.scroll_up(animate=False)
            await pilot.pause()
            seen.extend((below > 0, code.scroll_y < below))
            await pilot.press("s")
            await app.workers.wait_for_complete()

    asyncio.run(go())
    assert seen == [True, True, "uintr", True, True, True]
    assert commands.session.halt.moment.instructions == 1  # keys of the debugger work in a pane with the focus


def test_two_clicks_on_an_instruction_set_a_breakpoint_and_two_more_remove_it(commands: Commands) -> None:
    async def go() -> None:
        app = DebuggerApp(commands, bytearray())
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            code = app.query_one("#code", Pane)
            rows = code.text.plain.splitlines()
            row = next(i for i, line in enumerate(rows) if line.startswith("   0x"))
            for number in (1, 0):
                await pilot.click("#code", offset=(8, 1 + row - round(code.scroll_y)), times=2)
                await app.workers.wait_for_complete()
                await pilot.pause()
                assert len(list(commands.session.breakpoints)) == number
                if number:
                    assert next(iter(commands.session.breakpoints)).address == int(rows[row].split()[0], 16)

    asyncio.run(go())


def test_the_palette_has_the_commands_and_runs_them(commands: Commands) -> None:
    async def go() -> None:
        app = DebuggerApp(commands, bytearray())
        async with app.run_test(size=SIZE) as pilot:
            entries = {entry.title: entry for entry in app.get_system_commands(app.screen)}
            assert any("heme" in title for title in entries)
            entries["step [N]"].callback()
            await app.workers.wait_for_complete()
            entries["break PLACE [if CONDITION]"].callback()
            await pilot.pause()
            assert app.query_one(Input).value == "break "

    asyncio.run(go())
    assert commands.session.halt.moment.instructions == 1
