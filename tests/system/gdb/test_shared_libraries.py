"""A stock gdb on a dynamically linked program: its loader and libraries are read from the guest's tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from pffemu import parse_root
from tests.system.dynamic_programs import build_tree, has_c_compiler
from tests.system.gdb.stub_client import needs_gdb, run_gdb, served

pytestmark = [needs_gdb, pytest.mark.skipif(not has_c_compiler(), reason=NO_C_COMPILER)]

SCRIPT = """
set breakpoint pending on
info sharedlibrary
break main
continue
info sharedlibrary
break foo
continue
backtrace
break bar
continue
backtrace 2
info sharedlibrary
delete
break write
continue
backtrace -1
reverse-continue
"""


def test_libraries_breakpoints_in_them_and_backtraces(tmp_path: Path) -> None:
    tree = build_tree(tmp_path)
    program = tree / "bin/prog"
    with served(program, str(program), libs=True, roots=(parse_root(str(tree)),)) as serving:
        said = run_gdb(serving.port, program, SCRIPT, tmp_path)
    assert "warning: while parsing" not in said
    assert "Unable to find dynamic linker breakpoint" not in said
    before, in_main, in_bar = said.split("From  ")[1:]
    assert "target:/lib64/ld-linux-x86-64.so.2" in before
    assert "target:/bin/../lib/libfoo.so" in in_main
    assert "libc.so.6" in in_main
    assert "libbar.so" not in in_main.partition("Breakpoint 2 at")[0]
    assert "libbar.so" in in_bar
    assert "foo (a=1) at" in said
    assert "bar (a=3) at" in said
    assert "main (argc=1" in said.partition("foo (a=1)")[2]
    assert "in write () from target:" in said or "write (fd=1" in said or "__GI___libc_write (fd=1" in said


LIBRARY = "__thread char room[20]; __thread int counted = 3; int count(int by) { return counted += by; }\n"
PROGRAM = """#include <pthread.h>
int count(int by);
__thread long own = 8;
static void *second(void *by) { own++; return (void *)(long)count((int)(long)by); }
int main(void) { pthread_t t; count(1); pthread_create(&t, 0, second, (void *)5); pthread_join(t, 0); return count(0); }
"""


def test_thread_local_variables_of_the_program_and_of_a_library_in_each_thread(tmp_path: Path) -> None:
    (tmp_path / "lib.c").write_text(LIBRARY)
    (tmp_path / "prog.c").write_text(PROGRAM)
    compiler, library, program = find_c_compiler() or [], tmp_path / "libcount.so", tmp_path / "prog"
    subprocess.run(
        [*compiler, "-g", "-shared", "-fPIC", "-Wl,-soname,libcount.so", tmp_path / "lib.c", "-o", library],
        check=True,
        timeout=100,
    )
    own = [tmp_path / "prog.c", library, "-Wl,-rpath,/", "-pthread", "-o", program]
    subprocess.run([*compiler, "-g", *map(str, own)], check=True, timeout=100)
    with served(program, str(program), libs=True, roots=(parse_root(str(tmp_path)),)) as serving:
        said = run_gdb(
            serving.port, program, "break second\ncontinue\nnext\nprint counted\nprint own\nthread 1\nprint counted\n"
            "print own\n", tmp_path,
        )  # fmt: skip
    assert [f"${n} = {value}\n" in said for n, value in enumerate((8, 9, 4, 8), 1)] == [True] * 4, said
