"""`pffemu debug --plain` as a person has it: on a terminal (a pty), with Ctrl-C and Ctrl-D."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROMPT = "(pffemu) "
SPIN = "_start: mov ebx, 1\nspin: inc rcx\njmp spin\n"
CLOSE = 0.3  # seconds within which a spinning guest has to stop
TRIES = 4


class Terminal:
    """A debugger on a pty of its own; what it shows is read up to the next prompt."""

    def __init__(self, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "dumb", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pffemu", "debug", "--plain", *arguments],
            stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
            preexec_fn=_controlling,
        )  # fmt: skip
        os.close(slave)

    def until_prompt(self, behind: str = "") -> str:
        """`behind`: only one that comes later than this text."""
        shown = ""
        while behind not in shown or not shown.endswith(PROMPT):
            shown += self.some(60)
        return shown.removesuffix(PROMPT)

    def until(self, text: str) -> None:
        shown = ""
        while text not in shown:
            shown += self.some(60)

    def answers(self, timeout: float) -> bool:
        return bool(select.select([self._master], [], [], timeout)[0])

    def some(self, timeout: float) -> str:
        assert self.answers(timeout), "nothing came"
        return os.read(self._master, 65536).decode().replace("\r", "")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def say(self, line: str) -> str:
        self.type(line + "\n")
        return self.until_prompt()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self._master)


def _controlling() -> None:
    import fcntl
    import termios

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a worker of pytest-xdist may ignore it
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    source = tmp_path / "spin.s"
    source.write_text(SPIN)
    opened = Terminal(str(source))
    opened.until_prompt()
    yield opened
    opened.close()


def interrupted(terminal: Terminal, line: str, after: float = 1.0) -> tuple[str, float]:
    """What Ctrl-C during `line` shows, and how long it took until the prompt was back."""
    terminal.type(line + "\n")
    time.sleep(after)
    began = time.monotonic()
    terminal.type("\x03")
    return terminal.until_prompt(), time.monotonic() - began


@pytest.mark.parametrize("line", ["continue", "goto 1000000000000", "step 1000000"])
def test_ctrl_c_stops_a_spinning_guest_and_the_reply_is_true(terminal: Terminal, line: str) -> None:
    tries = []
    while not tries or (tries[-1] > CLOSE and len(tries) < TRIES):  # the machine may be busy with something else
        shown, seconds = interrupted(terminal, line)
        tries.append(seconds)
    assert tries[-1] < CLOSE, tries
    assert "interrupted" in shown
    assert "thread 1 at spin" in shown
    where = terminal.say("where").splitlines()[1]
    assert where.partition("thread")[2] in shown
    count = int(where.split("instruction ")[1].split(",")[0])
    assert int(terminal.say("print rcx").split("= ")[1].split()[0]) == count // 2
    assert f"instruction {count + 1}," in terminal.say("step")
    assert f"instruction {count}," in terminal.say("reverse-step")


def test_going_back_can_be_interrupted_too(terminal: Terminal) -> None:
    interrupted(terminal, "continue", 3)
    terminal.say("event uiret")  # there is none: the whole history is looked through
    shown, seconds = interrupted(terminal, "reverse-continue", 0.3)
    assert seconds < CLOSE * 3
    assert "interrupted" in shown or "no more history" in shown


def test_ctrl_c_at_the_prompt_gives_the_line_up_and_ctrl_d_leaves(terminal: Terminal) -> None:
    terminal.type("no such comm")
    terminal.until("no such comm")
    terminal.type("\x03")
    while not terminal.answers(2):  # Python's readline does not see a Ctrl-C that comes while it takes a character
        terminal.type("x")  # ... until the next one
        terminal.until("x")
        terminal.type("\x03")
    terminal.until_prompt()
    terminal.type("where\n")
    terminal.until_prompt("thread 1 at _start")
    terminal.type("\x04")
    assert terminal.process.wait(20) == 0


def test_ctrl_c_ends_a_script(tmp_path: Path) -> None:
    source, script = tmp_path / "spin.s", tmp_path / "commands"
    source.write_text(SPIN)
    script.write_text("continue\nprint rbx\n")
    command = [sys.executable, "-m", "pffemu", "debug", "--commands", str(script), str(source)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    while "=>" not in (line := process.stdout.readline()):  # it stands at the start
        assert line
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted: thread 1 at spin" in out
    assert "rbx" not in out
    assert "Traceback" not in err


def test_ctrl_c_while_modules_are_imported_is_no_traceback() -> None:
    slow = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); import pffemu.cli.app as app\n"
    )
    slow += "app.make_app = lambda _: signal.raise_signal(signal.SIGINT)\nsys.exit(app.main(['run']))"
    done = subprocess.run([sys.executable, "-c", slow], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "pffemu: interrupted\n")
