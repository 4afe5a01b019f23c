"""A stock gdb on a dynamically linked program: its loader and libraries are read from the guest's tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER
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
