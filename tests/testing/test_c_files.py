"""test_*.c: blocks in C, built by the host's compiler, with the directives of assembly."""

from __future__ import annotations

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from guest.paths import INCLUDE
from kernel_model.abi import uapi
from pffemu.machine.elf_lines import read_lines
from pffemu.testing import plugin

pytest_plugins = "pytester"
needs_compiler = pytest.mark.skipif(find_c_compiler() is None, reason=NO_C_COMPILER)

SEVERAL = """#include "pff.h"
static long twice(long n) { return 2 * n; }  // shared by all blocks
// note that prose may hold a colon: like here

// test: a shared function
// regs: rdi=21
// expect: rax == 42
long test_it(long n) { return twice(n); }

/* test: no test, in such a comment */
// test: the same name again, with a parameter and a macro
// param: n = 0..2
// param: operator = "+", "-"
// expect: rax == 10 + n or rax == 10 - n
long test_it(void) { return 10 operator n; }

// test: names of C are symbols
// map: buf 8K rw
// expect: mem32[counter] == 7 and mem8[buf + 4096] == 7 and "//" in stdout
// at here: mem32[counter] == 3
int counter;
static const char text[] = "// expect: rax == 5 is in a string";
void test_names(void)
{
    counter = 3;
    PFF_LABEL(here);
    buf[4096] = counter = 7;
    pff_syscall(SYS_write, 1, text, sizeof text);
}

// test: a fault says where
// fault: #PF(W|U) address=0x1238 at here
void test_fault(void)
{
    PFF_LABEL(here);
    *(volatile char *)0x1238 = 1;
}

// test: structures are copied without a libc
// expect: rax == 1
struct big { char bytes[5000]; } from, to;
long test_copy(void)
{
    volatile long size = sizeof from;
    __builtin_memset(&from, 5, size);
    __builtin_memmove(from.bytes + 1, from.bytes, size - 1);
    __builtin_memcpy(&to, &from, size);
    to.bytes[0] = 1;
    return __builtin_memcmp(&from, &to, size);
}
"""
LIBC = """
// test: a program with a libc
// libc: yes
// arguments: one
// expect: exit == 3 and stdout == "hello one 1.5\\n"
#include <stdio.h>
int main(int count, char **words) { printf("hello %s %g\\n", words[count - 1], 1.5); return 3; }
"""


@needs_compiler
def test_several_blocks_a_file(pytester: pytest.Pytester) -> None:
    pytester.makefile(".c", test_several=SEVERAL.replace("// note that prose may", "// Note that prose may"))
    assert pytester.runpytest_inprocess().parseoutcomes() == {"passed": 10}


@needs_compiler
def test_a_program_with_a_libc(pytester: pytest.Pytester) -> None:
    pytester.makefile(".c", test_libc=LIBC)
    assert pytester.runpytest_inprocess().parseoutcomes() == {"passed": 1}


@needs_compiler
def test_a_failure_shows_the_line_and_the_code_of_the_function(pytester: pytest.Pytester) -> None:
    pytester.makefile(
        ".c", test_f="#define ONE 1\n// test: x\n// fault: #DE\nint test_x(void)\n{\n    volatile char *p = 0;\n"
                     "    return *p;\n}\n// test: y\n// expect: eax == 5\nint test_y(void) { return ONE; }\n",
    )  # fmt: skip
    result = pytester.runpytest_inprocess()
    assert result.parseoutcomes() == {"failed": 2}
    result.stdout.fnmatch_lines([
        "x: fault: #DE: it was #PF at test_x*",
        "      3 | // fault: #DE",
        "code",
        "    => *  7  0x* test_x*mov*byte ptr*",
        "y: expect: eax == 5: does not hold",
        "      eax is 1",
        "    pytest test_f.c::y --pffemu-events",
    ])  # fmt: skip


@needs_compiler
@pytest.mark.parametrize(
    ("source", "messages"),
    [
        ("// test: x\n// expect: eax == 1\nint test_x(void) { return nothing; }\n",
         ["test_bad.c:3: *undeclared*", "*int test_x(void) { return nothing; }*"]),
        ("// test: x\n// expect: eax == 1\nint other(void) { return 1; }\n",
         ["test_bad.c:1: # test: the block has no function that starts with `test`"]),
        ("// test: x\n// map: b 4K rw\n// forward: on\n// uffd: b missing\n// expect: eax == 1\nint test_x(void) "
         "{ return 1; }\n", ["test_bad.c:3: # forward: on: unknown name 'handler'*", "*define a function `handler`*"]),
        ("// test: x\n// expect: eax == 1\nint missing(void);\nint test_x(void) { return missing(); }\n",
         ["test_bad.c:1: it cannot be built", "*missing*"]),
        ("// test: x\n// libc: maybe\n// expect: exit == 1\nint main() { return 1; }\n",
         ["test_bad.c:2: # libc: 'maybe'?*"]),
        ("// test: x\n// cflags: -I../src\n// expect: eax == 1\nint test_x() { return 1; }\n",
         ["test_bad.c:2: # cflags: '-I../src' is not for a test file to choose", "*write `// includes: ../src`*"]),
        ("// test: x\n// cflags: -O2 '\n// expect: eax == 1\nint test_x() { return 1; }\n",
         ["test_bad.c:2: # cflags: No closing quotation"]),
        ("// test: x\n// expekt: eax == 1\nint test_x() { return 1; }\n", ["test_bad.c:2: unknown directive 'expekt'"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_at_its_line(
    pytester: pytest.Pytester, source: str, messages: list[str]
) -> None:
    pytester.makefile(".c", test_bad=source)
    result = pytester.runpytest_inprocess()
    assert not result.parseoutcomes().get("passed")
    result.stdout.fnmatch_lines(messages)
    result.stdout.no_fnmatch_line("*Traceback*")


def test_directives_of_c_are_refused_in_assembly(pytester: pytest.Pytester) -> None:
    pytester.makefile(".s", test_a="# test: x\n# libc: yes\n# expect: rax == 0\nnop\n")
    pytester.makefile(".asm", test_b="; test: x\n; cflags: -O2\n; expect: rax == 0\nnop\n")
    result = pytester.runpytest_inprocess()
    result.stdout.fnmatch_lines(["*# libc: 'yes'?*", "*# cflags: only C files are compiled*"])


def test_c_files_of_others_are_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makefile(
        ".c",
        test_theirs='// rest: of it\n// see: there\nchar *s = "// test: x";\n/*\n// test: y\n*/\n',
        other="// test: z",
    )
    assert pytester.runpytest_inprocess().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_without_a_compiler_they_are_skipped(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makefile(".c", test_several="// test: x\n// expect: eax == 1\nint test_x(void) { return 1; }\n")
    monkeypatch.setattr(plugin, "find_c_compiler", lambda: None)
    result = pytester.runpytest_inprocess("-rs")
    assert result.parseoutcomes() == {"skipped": 1}
    assert f"test_several.c: {NO_C_COMPILER}" in result.stdout.str()


@needs_compiler
def test_lines_and_branches_are_covered(pytester: pytest.Pytester) -> None:
    pytester.makefile(
        ".c", test_c="// test: x\n// expect: eax == 1\nint test_x(int n)\n{\n    if (n)\n        return 5;\n"
                     "    return 1;\n}\n",
    )  # fmt: skip
    result = pytester.runpytest_inprocess("--pffemu-cov")
    result.stdout.fnmatch_lines(["file * lines * branches  not reached", "test_c.c *"])
    result.stdout.no_fnmatch_line("*pff.h*")


@needs_compiler
def test_the_hosts_cpu_runs_them_too(pytester: pytest.Pytester) -> None:
    pytester.makefile(
        ".c", test_n="// test: x\n// expect: rax == 55 and mem64[total] == 55\nlong total;\n"
                     "long test_x(void)\n{\n    for (long i = 1; i <= 10; i++)\n        total += i;\n"
                     "    return total;\n}\n",
    )  # fmt: skip
    result = pytester.runpytest_inprocess("--pffemu-native")
    assert result.parseoutcomes() == {"passed": 1}
    result.stdout.fnmatch_lines(["pffemu: 1 blocks also ran on this host's CPU"])


def test_the_headers_numbers_are_the_kernels() -> None:
    text = (INCLUDE / "pff.h").read_text()
    numbers = dict(
        line.split()[1:3] for line in text.split("\n") if line.startswith("#define ") and len(line.split()) > 2
    )
    assert int(numbers["SYS_uintr_register_handler"]) == uapi.Sys.UINTR_REGISTER_HANDLER
    assert int(numbers["SYS_uintr_unregister_handler"]) == uapi.Sys.UINTR_UNREGISTER_HANDLER
    assert int(numbers["UINTR_HANDLER_FLAG_FORWARD_PF"], 16) == uapi.UINTR_HANDLER_FLAG_FORWARD_PF
    assert numbers["SYS_ioctl"] == "__NR_ioctl"


def test_a_file_without_a_line_table_has_no_lines() -> None:
    from pffemu.testing.elf_writer import static_elf

    assert read_lines(static_elf([], 0x400000), "x") == []
