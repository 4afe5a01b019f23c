"""A stock gdb changes memory, registers and signals of a program: what a host's ptrace(2) does, as recorded there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.gdb.c_guests import build
from tests.system.gdb.stub_client import needs_gdb, run_gdb, served

pytestmark = needs_gdb
GUESTS = Path(__file__).parents[1] / "guests"
HANDLED = "handled 1 code -6 calls 1\nslept Interrupted system call handled 2 calls 1\n"
# a command that may fail, for which the script goes on
CALL = """python
def call(command):
    try:
        gdb.execute(command)
    except gdb.error as error:
        print(error)
end"""

# gdb's commands, the program's output, and the lines gdb must print, in this order
AT_SIGNALS = {
    "a function is called, the signal acts afterwards": (
        "continue\nprint twice(21)\ncontinue\ncontinue", HANDLED, ["$1 = 42", "exited with code 01"],
    ),
    "a signal is dropped, another call ends with EINTR after a function ran": (
        "continue\nsignal 0\nprint twice(4)\ncontinue",
        "handled 0 code 0 calls 0\nslept Interrupted system call handled 1 calls 1\n",
        ["Program received signal SIGALRM", "$1 = 8"],
    ),
    "an interrupted call whose signal is dropped sleeps on": (
        "continue\nset var calls = 10\nprint $_siginfo.si_code\ncontinue\nset var calls = 11\nsignal 0",
        "handled 1 code -6 calls 10\nslept to the end handled 1 calls 11\n",
        ["$1 = -6", "Program received signal SIGALRM"],
    ),
    "siginfo is changed": (
        "continue\nset $_siginfo.si_code = -60\nprint twice(4)\ncontinue\ncontinue",
        HANDLED.replace("-6 ", "-60 "), ["$1 = 8"],
    ),
    "registers are written and the signal acts all the same": (
        "continue\nset $rbx = $rbx\nset $xmm5.uint128 = 3\nprint $xmm5.uint128\ncontinue\ncontinue",
        HANDLED.replace("calls 1", "calls 0"), ["$1 = 3"],
    ),
    "another signal instead": (
        "continue\nsignal SIGALRM\nprint twice(3)\ncontinue",
        "handled 1 code 0 calls 0\nslept Interrupted system call handled 2 calls 1\n",
        ["$1 = 6"],
    ),
    "a step goes to the handler": (
        "continue\nprint twice(5)\nstepi\nprint handled\ncontinue\ncontinue",
        HANDLED, ["$1 = 10", "handler (signal=", "$2 = 0"],
    ),
    "a function stops at a breakpoint": (
        "continue\nbreak twice\npython call('print twice(3)')\nprint x\ndelete\nfinish\nsignal SIGUSR1\ncontinue",
        HANDLED, ["The program being debugged stopped while in a function called from GDB.", "$1 = 3"],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def signal_stop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(GUESTS / "signal_stop.c", tmp_path_factory.mktemp("gdb") / "signal_stop")


def gdb(program: Path, tmp_path: Path, script: str, *arguments: str) -> tuple[str, str]:
    """What gdb printed, and the program."""
    output = list[bytes]()
    script = f"{CALL}\n{script}"
    with served(program, str(program), arguments=arguments, output=output.append) as serving:
        said = run_gdb(serving.port, program, script, tmp_path)
    return said, b"".join(output).decode()


def in_order(text: str, wanted: list[str]) -> bool:
    for each in wanted:
        _, found, text = text.partition(each)
        if not found:
            return False
    return True


@pytest.mark.parametrize("what", AT_SIGNALS)
def test_at_a_signals_stop(signal_stop: Path, tmp_path: Path, what: str) -> None:
    script, printed, wanted = AT_SIGNALS[what]
    said, output = gdb(signal_stop, tmp_path, f"handle SIGALRM stop print\n{script}")
    assert output == printed
    assert in_order(said, wanted), said


def test_at_a_fault_that_nothing_handles(signal_stop: Path, tmp_path: Path) -> None:
    script = "continue\ncontinue\nprint twice(5)\nset var nowhere = (char *)&nowhere\nset $rax = nowhere\nsignal 0"
    said, _ = gdb(signal_stop, tmp_path, script, "fault")
    assert in_order(said, ["SIGSEGV", "$1 = 10", "exited with code 01"])  # repaired: the store runs again
    said, _ = gdb(signal_stop, tmp_path, "continue\ncontinue\nprint twice(5)\ncontinue", "fault")
    assert in_order(said, ["SIGSEGV", "$1 = 10", "Program terminated with signal SIGSEGV"])
    said, _ = gdb(signal_stop, tmp_path, "continue\ncontinue\nsignal 0", "fault")
    assert said.count("Program received signal SIGSEGV") == 2  # not repaired: it faults again


def test_back_to_before_a_function_was_called_at_a_signal(signal_stop: Path, tmp_path: Path) -> None:
    script = "continue\nprint twice(21)\nbreak handler\ncontinue\nprint calls\ndelete"
    script += "\nreverse-continue" * 3 + "\nprint calls"
    said, _ = gdb(signal_stop, tmp_path, script)
    assert in_order(said, ["$1 = 42", "Breakpoint 1, handler", "$2 = 1", "No more reverse-execution history", "$3 = 0"])


def test_memory_that_the_program_has_not_touched_is_written(tmp_path: Path) -> None:
    program = build(GUESTS / "untouched_page.c", tmp_path / "untouched_page")
    said, output = gdb(
        program,
        tmp_path,
        """
set var big[500000] = 5
print big[500000]
break mapped
continue
delete
set var ((char*)constant)[8000] = 13
set var initialized[8000] = 14
set var anonymous[4096] = 15
set var *barred = 16
set var *readable = 17
set var shared[4096] = 18
set var *file = 'x'
set var *(char *)((long)&seven + 5) = 9
print anonymous[0]
print barred[1]
continue
""",
    )
    # the child's copies are its own, what is shared is not, and the file keeps its bytes
    assert output == "5 13 14 15 16 17 18 xa 9 child 32"
    assert in_order(said, ["$1 = 5", "$2 = 0", "$3 = 0", "exited normally"])


@pytest.mark.parametrize("place", ["0x1", "0x7ffffffff000", "0xffff888000000000", "&seven + 0x10000000"])
def test_where_nothing_can_be_written_gdb_is_told_so(tmp_path: Path, place: str) -> None:
    program = build(GUESTS / "untouched_page.c", tmp_path / "untouched_page")
    said, output = gdb(program, tmp_path, f"python call('set var *(char *)({place}) = 1')\ncontinue")
    assert "Cannot access memory at address" in said
    assert output == "0 3 4 0 0 0 0 aa 7 child 14"
