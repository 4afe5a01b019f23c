"""A stock gdb on a C program: into a forwarded fault, out of it, and back to before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.gdb.c_guests import ACCESS, forwarded_fault
from tests.system.gdb.stub_client import needs_gdb, run_gdb, served

pytestmark = needs_gdb


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return forwarded_fault(tmp_path_factory.mktemp("gdb"))


def gdb(program: Path, tmp_path: Path, script: str) -> list[str]:
    with served(program, str(program)) as serving:
        return run_gdb(serving.port, program, script, tmp_path).splitlines()


def after(lines: list[str], start: str) -> str:
    """The rest of the first line that begins with `start`."""
    return next(line for line in lines if line.startswith(start)).removeprefix(start)


def test_into_the_handler_out_through_uiret_and_back_to_before_the_access(program: Path, tmp_path: Path) -> None:
    lines = gdb(
        program,
        tmp_path,
        """
break handler
continue
p/x *frame
p/x $uintr
info registers uif
bt
echo --- finish\\n
finish
info registers uif
echo --- again\\n
delete
break read_page
reverse-continue
p handled
info registers uif
x/i $pc
""",
    )
    assert "Breakpoint 1, handler (frame=0x7ff" in "\n".join(lines)
    frame = after(lines, "$1 = ")
    assert frame.endswith("error = 0x4}")
    assert "forwarding_active_pf = 0x1" in after(lines, "$2 = ")
    backtrace = [line for line in lines if line.startswith(("#0", "#1", "#2"))]
    assert "handler (frame=" in backtrace[0]
    assert "read_page (page=" in backtrace[1]
    assert backtrace[1].endswith(f":{ACCESS}")
    assert "main () at" in backtrace[2]
    finished = lines[lines.index("--- finish") : lines.index("--- again")]
    assert any(line.startswith(f"{ACCESS}\t") for line in finished)  # through UIRET, at the access again
    uif = [line.split()[-1] for line in lines if line.startswith("uif ")]
    assert uif == ["0", "1", "1"]
    again = lines[lines.index("--- again") :]
    assert any("read_page (page=" in line for line in again)
    assert after(again, "$3 = ") == "0"


def test_watchpoints_and_breakpoints_with_conditions(program: Path, tmp_path: Path) -> None:
    lines = gdb(
        program,
        tmp_path,
        """
break main
continue
watch handled
continue
continue
reverse-continue
delete
break handler if handled == 3
continue
p handled
continue
""",
    )
    text = "\n".join(lines)
    assert text.count("Old value = 0\nNew value = 1") == 1
    assert text.count("Old value = 1\nNew value = 2") == 1
    assert "Old value = 2\nNew value = 1" in text  # backwards
    assert after(lines, "$1 = ") == "3"
    assert "exited normally" in lines[-1]


def test_system_calls_are_caught_by_name(program: Path, tmp_path: Path) -> None:
    lines = gdb(
        program,
        tmp_path,
        """
catch syscall userfaultfd
continue
continue
""",
    )
    assert any("call to syscall userfaultfd" in line for line in lines)
    assert any("returned from syscall userfaultfd" in line for line in lines)


def test_symbols_and_threads_without_naming_the_program(program: Path, tmp_path: Path) -> None:
    with served(program, str(program)) as serving:
        lines = run_gdb(
            serving.port,
            Path("/dev/null"),
            """
break main
continue
info threads
info auxv
p $xmm0.uint128
p $mxcsr
""",
            tmp_path,
        ).splitlines()
    assert any("main () at" in line for line in lines)
    assert any(line.startswith("* 1") and "Thread 1" in line for line in lines)
    assert any("AT_ENTRY" in line for line in lines)
    assert after(lines, "$2 = ") == "[ IM DM ZM OM UM PM ]"


def test_functions_of_the_guest_are_called_where_it_stands_and_in_a_handler(program: Path, tmp_path: Path) -> None:
    lines = gdb(
        program,
        tmp_path,
        """
break main
continue
print (int)getpid() + 40
break handler
continue
print (int)getpid() + 50
print read_page((char *)&handled)
finish
continue
""",
    )
    assert [after(lines, f"${n} = ") for n in (1, 2, 3)] == ["41", "51", "0"]
    assert any(line.startswith(f"{ACCESS}\t") for line in lines[lines.index("$2 = 51") :])
    assert any(line.startswith("Breakpoint 2, handler") for line in lines[lines.index("$3 = 0") :])
