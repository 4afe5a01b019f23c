"""A tree with a dynamically linked program and shared libraries of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

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


def build_tree(tree: Path) -> Path:
    """bin/prog, which finds lib/libfoo.so by $ORIGIN and opens lib/libbar.so, which needs libfoo.so, too."""
    (tree / "lib").mkdir()
    (tree / "bin").mkdir()
    here, lib = "-Wl,-rpath,$ORIGIN", f"-L{tree / 'lib'}"
    build(tree / "lib/libfoo.so", FOO, "-shared", "-fPIC")
    build(tree / "lib/libbar.so", BAR, "-shared", "-fPIC", lib, "-lfoo", here)
    build(tree / "lib/fake.so", FAKE, "-shared", "-fPIC")
    build(tree / "bin/prog", PROG, lib, "-lfoo", f"{here}/../lib")
    return tree


def has_c_compiler() -> bool:
    """Whether this host can link shared libraries."""
    return shutil.which("gcc") is not None
