"""Dynamically linked programs under pffemu run: their loader and libraries, by --libs and by --root."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from pffemu import Machine
from tests.system.cli_runs import pffemu

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")

FOO = """
#include <stdio.h>
int foo_count;
__attribute__((constructor)) static void begin(void) { foo_count = 10; }
int foo(int a)
{
    return a + ++foo_count;
}
"""
BAR = """
#include <stdio.h>
int foo(int);
__thread int local = 7;
int bar(int a) { local += a; return foo(local); }
__attribute__((destructor)) static void end(void) { puts("bar gone"); fflush(stdout); }
"""
FAKE = """
#include <dlfcn.h>
int puts(const char *text)
{
    int (*next)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "puts");
    next("in between");
    return next(text);
}
"""
PROG = """
#include <dlfcn.h>
#include <stdio.h>
int foo(int);
extern int foo_count;
int main(int argc, char **argv)
{
    printf("%s %d %d\\n", argv[0], foo(1), foo_count);
    void *handle = dlopen("libbar.so", RTLD_LAZY);
    if (!handle)
        return printf("%s\\n", dlerror());
    printf("%d\\n", ((int (*)(int))dlsym(handle, "bar"))(3));
    dlclose(handle);
    puts("end");
    return argc;
}
"""


def build(path: Path, source: str, *options: str) -> str:
    path.with_suffix(".c").write_text(source)
    command = ["gcc", "-D_GNU_SOURCE", "-g", "-w", "-o", str(path), str(path.with_suffix(".c")), *options]
    subprocess.run(command, check=True, capture_output=True)
    return str(path)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bin/prog, which finds lib/libfoo.so by $ORIGIN and opens lib/libbar.so, which needs libfoo.so, too."""
    tree = tmp_path_factory.mktemp("dynamic")
    (tree / "lib").mkdir()
    (tree / "bin").mkdir()
    here, lib = "-Wl,-rpath,$ORIGIN", f"-L{tree / 'lib'}"
    build(tree / "lib/libfoo.so", FOO, "-shared", "-fPIC")
    build(tree / "lib/libbar.so", BAR, "-shared", "-fPIC", lib, "-lfoo", here)
    build(tree / "lib/fake.so", FAKE, "-shared", "-fPIC")
    build(tree / "bin/prog", PROG, lib, "-lfoo", f"{here}/../lib")
    return tree


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
    machine.load(build(tmp_path / "prog", '#include <stdio.h>\nint main(void) { puts("hello"); }'))
    version = machine.process.mm.code_version
    assert machine.run().exit_code == 0
    assert out.getvalue() == b"hello\n"
    assert machine.counts()["faults"] > 40
    assert machine.process.mm.code_version - version < 20
