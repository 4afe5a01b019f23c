"""argv[0], /proc/self/exe and the program's own file, as a guest under pffemu run finds them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from tests.system.cli_runs import pffemu

OWN_FILE = """
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static int again(const char *path)
{
    int status = -1;
    if (!fork()) {
        execl(path, "again", "again", (char *)0);
        _exit(1);
    }
    wait(&status);
    return WEXITSTATUS(status);
}
int main(int argc, char **argv)
{
    char exe[200] = "", magic[5] = "";
    if (argc > 1)
        return 7;
    readlink("/proc/self/exe", exe, sizeof exe - 1);
    int fd = open(argv[0], O_RDONLY);
    read(fd, magic, 4);
    printf("%s %s | %d %d %d | %d %d |", argv[0], exe, access(exe, R_OK), !strcmp(magic + 1, "ELF"),
           open(argv[0], O_RDWR) < 0, again("/proc/self/exe"), again(argv[0]));
    printf(" %d %d\\n", access("/dir/beside", R_OK), access("/beside", R_OK));
    return 0;
}
"""
SOURCE = """
.include "pff.inc"
.text
_start:
    mov rsi, [rsp + 8]          # argv[0]
    cmp qword ptr [rsp], 2
    je second
    mov eax, SYS_execve
    mov rdi, rsi
    lea rsi, [rip + list]
    xor edx, edx
    syscall
    mov edi, eax
    neg edi
    jmp out
second:
    mov edi, 7
out:
    mov eax, SYS_exit
    syscall
.data
list: .quad word, word, 0
word: .asciz "again"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory: `dir/prog`, a file beside it, `link` to it, `other/`."""
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip(NO_C_COMPILER)
    (tmp_path / "dir").mkdir()
    (tmp_path / "other").mkdir()
    source, program = tmp_path / "prog.c", tmp_path / "dir" / "prog"
    source.write_text(OWN_FILE)
    subprocess.run([*compiler, "-static", "-O1", "-w", "-o", str(program), str(source)], check=True)
    (tmp_path / "dir" / "beside").write_text("not named")
    (tmp_path / "link").symlink_to("dir/prog")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "argv0", "exe", "beside"),
    [
        (["./dir/prog"], "./dir/prog", "/dir/prog", "-1 -1"),
        (["dir/../dir//prog"], "dir/../dir//prog", "/dir/prog", "-1 -1"),
        (["link"], "link", "/link", "-1 -1"),
        (["--root", "other", "dir/prog"], "dir/prog", "/dir/prog", "-1 -1"),
        (["--root", ".:/:ro", "dir/prog"], "dir/prog", "/dir/prog", "0 -1"),
        (["--root", ".:/:ro", "link"], "link", "/dir/prog", "0 -1"),
        (["--root", "dir:/:ro", "dir/prog"], "/prog", "/prog", "-1 0"),
        (["--root", "dir:/:ro", "link"], "/prog", "/prog", "-1 0"),
        (["--root", "dir:/dir:ro", "./dir/prog"], "./dir/prog", "/dir/prog", "0 -1"),
        (["--root", "dir:/at:ro", "dir/prog"], "/at/prog", "/at/prog", "-1 -1"),
    ],
)
def test_a_program_finds_and_runs_its_own_file(
    here: Path, command: list[str], argv0: str, exe: str, beside: str
) -> None:
    assert pffemu("run", *command).out == f"{argv0} {exe} | 0 1 1 | 7 7 | {beside}\n"


def test_an_absolute_path_is_what_was_typed(here: Path) -> None:
    path = here / "dir" / "prog"
    assert pffemu("run", str(path)).out.startswith(f"{path} {path} | 0 1 1 | 7 7 |")
    assert pffemu("run", "--root", f"{here}/dir:{here}/dir", str(path)).out.startswith(f"{path} {path} | 0 1 ")
    assert str(here) not in pffemu("run", "dir/prog").out


def test_another_file_of_that_name_under_a_root_is_not_taken_for_it(here: Path) -> None:
    (here / "other" / "dir").mkdir()
    shutil.copy("/bin/true", here / "other" / "dir" / "prog")
    assert pffemu("run", "--root", "other", "dir/prog").out.startswith("dir/prog /dir/prog | 0 1 1 | 7 7 |")


def test_a_program_in_assembly_runs_itself_again(here: Path) -> None:
    (here / "dir" / "own.s").write_text(SOURCE)
    assert pffemu("run", "dir/own.s").code == 7
    assert pffemu("run", "--root", ".", "./dir/own.s").code == 7
