"""Dynamically linked programs under pffemu run: their loader and libraries, by --libs and by --root."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER
from pffemu import Machine, parse_root
from pffemu.debug.commands import Commands
from pffemu.debug.gdb.session_target import SessionTarget
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.debug.source_lines import frames_of_file, lines_of_file
from pffemu.machine.elf import build_id
from pffemu.machine.stop import Reached
from pffemu.state.snapshot_file import restore, save
from tests.system.cli_runs import pffemu
from tests.system.dynamic_programs import FOO, build, build_tree, has_c_compiler

pytestmark = pytest.mark.skipif(not has_c_compiler(), reason=NO_C_COMPILER)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tree(tmp_path_factory.mktemp("dynamic"))


def test_own_libraries_beside_the_program(tree: Path) -> None:
    ran = pffemu("run", "--libs", "--root", str(tree), str(tree / "bin/prog"), "x")
    assert (ran.code, ran.err) == (2, "")
    assert ran.out == "/bin/prog 12 10\n22\nbar gone\nend\n"


def test_preloaded_library_and_library_path(tree: Path) -> None:
    moved = tree.parent / "moved"
    shutil.copy(tree / "bin/prog", moved)
    environment = ("--env", "LD_PRELOAD=/lib/fake.so", "--env", "LD_LIBRARY_PATH=/lib")
    ran = pffemu("run", "--libs", "--root", str(tree), *environment, str(moved))
    assert ran.code == 1
    assert ran.out.endswith("22\nin between\nbar gone\nin between\nend\n")


def test_a_missing_library_is_told_by_the_loader(tree: Path) -> None:
    ran = pffemu("run", "--libs", str(tree / "bin/prog"))
    assert ran.code == 127
    assert "libfoo.so: cannot open shared object file" in ran.err


def test_libraries_cannot_be_written(tmp_path: Path) -> None:
    source = """
    #include <errno.h>
    #include <fcntl.h>
    int main(void) { return open("/lib64/new", O_CREAT | O_WRONLY, 0600) < 0 ? errno : 0; }
    """
    assert pffemu("run", "--libs", build(tmp_path / "prog", source)).code == 30  # EROFS


def test_code_pages_that_come_in_do_not_forget_translated_code(tmp_path: Path) -> None:
    out = io.BytesIO()
    machine = Machine(libs=True, stdout=out)
    machine.load(Path(build(tmp_path / "prog", '#include <stdio.h>\nint main(void) { puts("hello"); }')))
    version = machine.process.mm.code_version
    assert machine.run().exit_code == 0
    assert out.getvalue() == b"hello\n"
    assert machine.counts()["faults"] > 30
    assert machine.process.mm.code_version - version < 20


def test_the_debugger_knows_functions_and_lines_of_libraries(tree: Path) -> None:
    machine = Machine(libs=True, roots=(parse_root(str(tree)),), stdout=io.BytesIO())
    machine.load(tree / "bin/prog")
    session = Session(machine, frames_of_file(tree / "bin/prog"))
    talk = Commands(session, Places(machine, lines_of_file(tree / "bin/prog", (tree,))))
    said = [talk.execute(line) for line in ("where", "break main", "continue", "break foo", "continue", "backtrace")]
    line = 1 + FOO.splitlines().index("int foo(int a)")
    assert " at ld-linux-x86-64.so.2+0x" in said[0] or " at _start (0x7ffff7" in said[0]
    assert "thread 1 at main (0x5555555" in said[2]
    assert "thread 1 at foo (0x7ffff7" in said[4]
    assert f"libfoo.c:{line}: int foo(int a)" in said[4] or f"libfoo.c:{line + 1}: {{" in said[4]
    frames = [row.split()[2] for row in said[5].splitlines()]
    assert [frame.partition("+")[0] for frame in frames[:2]] == ["foo", "main"]
    assert "__libc_start_main" in frames[-2]
    assert frames[-1].startswith("_start+")
    assert "guessed" not in said[5]
    said = [talk.execute(line) for line in (f"break libfoo.c:{line + 2}", "delete 2", "continue", "print foo_count")]
    assert f"libfoo.c:{line + 2}: return a + ++foo_count;" in said[2]
    assert "(foo_count)" in said[3]
    talk.execute("break puts")
    assert "thread 1 at foo+0x" in talk.execute("continue")  # called by bar
    assert "thread 1 at puts (" in talk.execute("continue")
    assert "thread 1 at foo+0x" in talk.execute("reverse-continue")
    session.close()


def test_a_crash_in_a_library_is_told_by_name(tmp_path: Path) -> None:
    source = "#include <string.h>\nint main(void) { return strlen((char *)8); }"
    ran = pffemu("run", "--libs", build(tmp_path / "prog", source, "-fno-builtin"))
    assert ran.code == 139
    assert "at libc.so.6+0x" in ran.err or "at __strlen" in ran.err


def test_a_snapshot_of_a_dynamic_program(tree: Path) -> None:
    machine = Machine(libs=True, roots=(parse_root(str(tree)),), stdout=io.BytesIO())
    machine.load(tree / "bin/prog")
    machine.run(until=["main"])
    assert isinstance(machine.run(until=["foo"]), Reached)  # a function of a library
    snapshot = tree / "state.pffemu"
    save(machine, snapshot)
    out = io.BytesIO()
    again = restore(snapshot, stdout=out, libs=True, roots=(parse_root(str(tree)),))
    assert again.symbols.describe(again.symbols["foo"]) == "foo"
    assert again.run().exit_code == 1
    assert out.getvalue().endswith(b"end\n")


def test_a_script_is_run_by_its_interpreter(tree: Path) -> None:
    script = tree / "script"
    script.write_text("#! /bin/prog -x\n")
    ran = pffemu("run", "--libs", "--root", str(tree), str(script), "y")
    assert (ran.code, ran.err) == (4, "")
    assert ran.out.startswith("/bin/prog 12 10\n")
    (tree / "link").symlink_to("script")
    (tree / "other").symlink_to("bin/prog")
    machine = Machine(libs=True, roots=(parse_root(str(tree)),), stdout=io.BytesIO())
    machine.load(tree / "link")
    assert machine.process.arguments == ["/bin/prog", "-x", "/link"]
    assert pffemu("run", "--libs", "--root", str(tree), str(tree / "other")).out.startswith("/other 12")
    session = Session(machine)
    target = SessionTarget(session, script, str)
    assert target.exec_file(machine.process.pid) == machine.process.exe == "/bin/prog"
    assert target.read_file("/bin/prog") == (tree / "bin/prog").read_bytes()
    assert target.read_file(str(tree / "bin/prog")) is None  # gdb reads the guest's tree, not the host's
    session.close()


def test_separate_debug_files_are_found_by_build_id(tmp_path: Path) -> None:
    """As gdb finds them; a stripped library's own functions get their names and lines."""
    inner = "static __attribute__((noinline)) int inner(int *p)\n{\n    return *p;\n}\n"
    library = tmp_path / "libx.so"
    soname = "-Wl,--build-id,-soname,libx.so"
    build(library, inner + "int outer(int *p) { return inner(p) + 1; }", "-shared", "-fPIC", soname)
    number = build_id(library.read_bytes(), "libx.so")
    debug = tmp_path / f"usr/lib/debug/.build-id/{number[:2]}/{number[2:]}.debug"
    debug.parent.mkdir(parents=True)
    subprocess.run(["objcopy", "--only-keep-debug", library, debug], check=True)
    subprocess.run(["strip", library], check=True)
    build(tmp_path / "prog", "int outer(int *); int main(void) { return outer(0); }", str(library), "-Wl,-rpath,/")
    ran = pffemu("run", "--libs", "--root", str(tmp_path), str(tmp_path / "prog"))
    assert ran.code == 139
    assert "at inner+0x" in ran.err
    machine = Machine(libs=True, roots=(parse_root(str(tmp_path)),))
    machine.load(tmp_path / "prog")
    machine.run(until=["main"])
    address = machine.symbols["inner"]
    found = Places(machine).source_of(address)
    assert found is not None
    assert (found.file, found.number, Places(machine).address_of("libx.c:2")) == ("libx.c", 2, address)
