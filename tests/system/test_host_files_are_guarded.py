"""--root under attack: read-only stays so, links and FIFOs are swapped under the guest, disks are full."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from kernel_model.files.host_tree import Mount
from pffemu import Exited, Machine

HEAD = """
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
"""
READ_ONLY = """
#define SHOW(call) printf("%s %d\\n", #call, (long)(call) < 0 ? errno : 0)
int main(void)
{
    char fd[50], path[50];
    int f = open("/f", O_RDONLY), o = open("/f", O_PATH);
    sprintf(fd, "/proc/self/fd/%d", f), sprintf(path, "/proc/self/fd/%d", o);
    SHOW(open(fd, O_RDWR));
    SHOW(open(fd, O_WRONLY | O_TRUNC));
    SHOW(open(path, O_WRONLY));
    SHOW(truncate(fd, 0));
    SHOW(chmod(fd, 0777));
    SHOW(fchmod(f, 0777));
    SHOW(chmod("/f", 0777));
    SHOW(open("/", O_TMPFILE | O_RDWR, 0600));
    SHOW(open("/g", O_CREAT | O_WRONLY, 0600));
    SHOW(mkdir("/d", 0700));
    SHOW(unlink("/f"));
    SHOW(rename("/f", "/h"));
    SHOW(symlink("/f", "/s"));
    SHOW(open(fd, O_RDONLY) < 0);
    return 0;
}
"""
RENAMED = """
int main(void)
{
    char text[10] = {0};
    int f = open("/f", O_RDWR);
    char *m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
    m[0] = '1';
    rename("/f", "/moved");
    int g = open("/f", O_CREAT | O_RDWR, 0600);
    write(g, "other", 5);
    m[1] = '2';
    msync(m, 4096, MS_SYNC);
    m[2] = '3';
    unlink("/moved"), link("/f", "/moved2");
    pread(f, text, 5, 0), printf("%s ", text);
    pread(g, text, 5, 0), printf("%s", text);
    return 0;
}
"""
SWAPPED = """
int main(void)
{
    char text[16];
    int opened = 0;
    for (int i = 0; i < 3000; i++) {
        int f = open(i % 2 ? "/d/f" : "/f", (i % 3 ? O_RDONLY : O_RDWR) | O_NONBLOCK);
        if (f < 0)
            continue;
        memset(text, 0, sizeof text), read(f, text, 15), close(f), opened++;
        if (*text && strcmp(text, "inside"))
            printf("read %s\\n", text), _exit(9);
    }
    return opened ? 0 : 8;
}
"""
FULL = """
int main(void)
{
    int f = open("/f", O_RDWR);
    char *m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
    printf("%d ", write(f, "12345", 5) < 0 ? errno : 0);
    m[0] = 'x';
    printf("%d ", msync(m, 4096, MS_SYNC) < 0 ? errno : 0);
    printf("%d", open("/new", O_CREAT | O_WRONLY, 0600) < 0 ? errno : 0);
    fflush(stdout);
    m[1] = 'y';
    return 0;
}
"""


def build(folder: Path, source: str) -> Path:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip(NO_C_COMPILER)
    program = folder / "program"
    program.with_suffix(".c").write_text(HEAD + source)
    subprocess.run(
        [*compiler, "-static", "-O1", "-w", "-o", program, program.with_suffix(".c")], check=True, timeout=100
    )
    return program


def run(program: Path, root: Path, read_only: bool = False) -> tuple[object, str]:
    out = io.BytesIO()
    machine = Machine(ram=32 << 20, stdout=out, roots=(Mount(str(root), (), read_only),))
    machine.load(program)
    return machine.run(), out.getvalue().decode()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    (made / "f").write_text("inside")
    return made


def test_a_read_only_root_cannot_be_changed_by_any_way(tmp_path: Path, root: Path) -> None:
    end, said = run(build(tmp_path, READ_ONLY), root, read_only=True)
    assert end == Exited(0)
    *changes, again = said.splitlines()
    assert [line for line in changes if not line.endswith(f" {errno.EROFS}")] == []
    assert again.endswith(" 0")
    assert (root / "f").read_text() == "inside"
    assert os.listdir(root) == ["f"]


def test_a_mapped_file_follows_its_inode(tmp_path: Path, root: Path) -> None:
    assert run(build(tmp_path, RENAMED), root) == (Exited(0), "123id other")
    assert {name: (root / name).read_text() for name in os.listdir(root)} == {"f": "other", "moved2": "other"}


SWAPPER = """
import os, sys
root, outside = sys.argv[1:]
os.chdir(root)
turns = opened = 0
print("ready", flush=True)
while True:
    for kind in ("file", "link", "fifo", "folder"):
        if kind == "file":
            os.link("f.kept", "new")
        elif kind == "link":
            os.symlink(os.path.join(outside, "f"), "new")
        elif kind == "fifo":
            os.mkfifo("new")
        if kind != "folder":
            os.rename("new", "f")
        else:  # /d is a link to the outside for a while
            os.rename("d", "d.kept"), os.symlink(outside, "d")
            os.unlink("d"), os.rename("d.kept", "d")
        if kind == "fifo":
            try:
                for _ in range(50):
                    os.close(os.open("f", os.O_WRONLY | os.O_NONBLOCK))
                    opened += 1
            except OSError:
                pass
    turns += 1
    if os.path.exists(os.path.join(outside, "stop")):
        break
print(turns, opened)
"""


def test_swapping_links_fifos_and_folders_leads_nowhere(tmp_path: Path, root: Path) -> None:
    program, outside = build(tmp_path, SWAPPED), tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("secret")
    (root / "d").mkdir()
    (root / "d" / "f").write_text("inside")
    (root / "f.kept").write_text("inside")
    with subprocess.Popen([sys.executable, "-c", SWAPPER, root, outside], stdout=subprocess.PIPE, text=True) as swapper:
        assert swapper.stdout is not None
        assert swapper.stdout.readline() == "ready\n"
        try:
            end = run(program, root)
        finally:
            (outside / "stop").touch()
        turns, opened = map(int, swapper.stdout.readline().split())
    assert end == (Exited(0), "")
    assert turns > 10
    assert opened == 0  # the FIFO never had a reader
    assert (outside / "f").read_text() == "secret"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_what_the_disk_says_is_what_the_guest_gets(
    number: int, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, real = build(tmp_path, FULL), os.open

    def refused(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    def opened(path: str | bytes, flags: int, *more: int, **where: int) -> int:
        return refused() if flags & os.O_CREAT and path == b"new" else real(path, flags, *more, **where)

    monkeypatch.setattr(os, "pwrite", refused)
    monkeypatch.setattr(os, "open", opened)
    end, said = run(program, root)
    assert end == Exited(0)
    assert said == f"{number} {number} {number}"
    assert (root / "f").read_text() == "inside"
