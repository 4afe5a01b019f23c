"""Snapshots hold the file tree in RAM: files, FIFOs that threads wait for, watches, what has no name; its limits."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from pffemu import Exited, Machine
from pffemu.state import machine_hash, snapshot, snapshot_file

SOURCE = """
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
void halfway(void) { __asm__ volatile(""); }
int main(void)
{
    char text[100] = {0}, buffer[500];
    struct stat s;
    mkdir("/tmp/d", 0700), mkdir("/tmp/gone", 0700), chdir("/tmp/gone"), rmdir("/tmp/gone");
    mkfifo("/tmp/d/p", 0600), symlink("p", "/tmp/d/l");
    int fd = open("/tmp/d/f", O_RDWR | O_CREAT, 0600), in = inotify_init1(IN_NONBLOCK);
    int nameless = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    write(fd, "content", 7), write(nameless, "nameless", 8);
    char *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    setxattr("/tmp/d/f", "user.a", "value", 5, 0), chown("/tmp/d/f", 7, 8);
    inotify_add_watch(in, "/tmp/d", IN_ALL_EVENTS);
    if (fork() == 0) {
        int r = open("/tmp/d/l", O_RDONLY);
        read(r, text, 20), printf("child: %s\\n", text), fflush(stdout);
        _exit(0);
    }
    usleep(1000);
    halfway();
    int w = open("/tmp/d/p", O_WRONLY);
    write(w, "through", 7), wait(0);
    map[0] = 'C', pread(fd, text, 7, 0), stat("/tmp/d/f", &s);
    printf("%s %d:%d ", text, s.st_uid, s.st_gid);
    printf("%ld ", (long)getxattr("/tmp/d/f", "user.a", text, 9));
    printf("%ld ", (long)pread(nameless, text, 9, 0));
    printf("%s %d ", text, linkat(nameless, "", AT_FDCWD, "/tmp/d/named", AT_EMPTY_PATH));
    printf("%s %d ", getcwd(text, 9) ? "here" : "gone", open("/tmp/d/named", O_RDONLY) >= 0);
    ssize_t n = read(in, buffer, 500);
    for (char *at = buffer; at < buffer + n; at += 16 + ((struct inotify_event *)at)->len)
        printf("%x", ((struct inotify_event *)at)->mask);
    printf("\\n");
    return 0;
}
"""
AFTER = b"child: through\nContent 7:8 5 8 nameless 0 gone 1 2010110020\n"

FILLING = """
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>
static void on(int s) { printf("SIGBUS\\n"), fflush(stdout), _exit(0); }
int main(void)
{
    static char piece[1 << 20];
    char name[50];
    struct statfs before, after;
    int files = 0, fd = open("/tmp/f", O_RDWR | O_CREAT, 0600), short_ones = 0;
    ssize_t n;
    statfs("/tmp", &before);
    while ((n = write(fd, piece, sizeof piece - 100)) > 0)
        short_ones += n < sizeof piece - 100;
    printf("%d %d %ld\\n", errno == ENOSPC, short_ones, (long)before.f_blocks);
    ftruncate(fd, 0), statfs("/tmp", &after);
    printf("%d\\n", before.f_bfree == after.f_bfree);
    do
        sprintf(name, "/tmp/n%d", files++);
    while ((n = open(name, O_CREAT, 0600)) >= 0 && !close(n));
    printf("%d %d\\n", errno == ENOSPC, files > 200);
    signal(SIGBUS, on), ftruncate(fd, 1ul << 40);
    volatile char *map = mmap(0, 1ul << 30, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (long i = 0;; i += 4096)
        map[i] = 1;
}
"""


def build(folder: Path, source: str) -> Path:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip(NO_C_COMPILER)
    program = folder / "program"
    program.with_suffix(".c").write_text("#define _GNU_SOURCE\n" + source)
    subprocess.run(
        [*compiler, "-static", "-O1", "-w", "-fno-inline", "-o", program, program.with_suffix(".c")], check=True
    )
    return program


def machine_for(program: Path, ram: int = 16 << 20) -> tuple[Machine, io.BytesIO]:
    out = io.BytesIO()
    machine = Machine(ram=ram, stdout=out)
    machine.load(program)
    return machine, out


def test_the_same_machine_and_another_one_go_on(tmp_path: Path) -> None:
    machine, out = machine_for(build(tmp_path, SOURCE))
    machine.run(until=["halfway"])
    taken, before = snapshot.take(machine), machine_hash.machine_hash(machine)
    for _ in range(2):
        assert machine.run() == Exited(0)
        assert out.getvalue() == AFTER
        snapshot.put_back(machine, taken)
        assert machine_hash.machine_hash(machine) == before
    snapshot_file.save(machine, tmp_path / "snapshot")
    other = snapshot_file.restore(tmp_path / "snapshot", stdout=(out := io.BytesIO()))
    assert other.run() == Exited(0)
    assert out.getvalue() == AFTER


def test_files_and_names_are_bounded(tmp_path: Path) -> None:
    machine, out = machine_for(build(tmp_path, FILLING), 4 << 20)
    assert machine.run() == Exited(0)
    assert out.getvalue() == b"1 1 512\n1\n1 1\nSIGBUS\n"
