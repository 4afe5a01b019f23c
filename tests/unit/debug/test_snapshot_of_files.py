"""Snapshots with files of every kind open: the same machine, or another one, goes on as if nothing had been."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from guest.c_compiler import NO_C_COMPILER, find_c_compiler
from kernel_model.files.host_tree import Mount
from pffemu import Exited, Machine
from pffemu.state import snapshot

SOURCE = """
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
void halfway(void) { __asm__ volatile(""); }
int main(void)
{
    int ends[2], pair[2], counter = eventfd(5, 0), ep = epoll_create1(0), copy;
    char text[100] = {0}, c;
    int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600), dir = open("/", O_RDONLY | O_DIRECTORY);
    pipe(ends);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    write(ends[1], "pipe", 4);
    write(pair[0], "socket", 6);
    write(fd, "0123456789", 10);
    lseek(fd, 4, SEEK_SET);
    char *mapped = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    mapped[9] = 'M';
    struct epoll_event event = {EPOLLIN, {.fd = counter}};
    epoll_ctl(ep, EPOLL_CTL_ADD, counter, &event);
    copy = dup(fd);
    int memory = open("/proc/self/mem", O_RDONLY), comm = open("/proc/self/comm", O_RDWR);
    int shmem = memfd_create("shmem", 0), listed = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY);
    write(shmem, "shared", 6);
    sprintf(text, "/proc/self/fd/%d", shmem);
    int again = open(text, O_RDONLY);
    read(comm, &c, 1);
    read(again, &c, 1);
    memset(text, 0, 100);
    struct sockaddr_in lo = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_un name = {AF_UNIX, "/tmp/name"};
    socklen_t size = sizeof lo;
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0), named = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(udp, (void *)&lo, size), getsockname(udp, (void *)&lo, &size);
    sendto(udp, "itself", 6, 0, (void *)&lo, size);
    bind(listener, (void *)&lo, size), listen(listener, 5);
    connect(client, (void *)&lo, size);
    send(client, "early", 5, 0);
    bind(named, (void *)&name, sizeof name), listen(named, 5);
    printf("before\\n");
    fflush(stdout);
    halfway();
    unsigned long value;
    printf("%d ", epoll_wait(ep, &event, 1, 0));
    read(counter, &value, 8);
    printf("%lu ", value);
    printf("%ld ", (long)read(ends[0], text, 100));
    printf("%s ", text);
    read(pair[1], text, 100);
    printf("%s ", text);
    memset(text, 0, 100);
    read(copy, text, 3);
    printf("%s ", text);
    mapped[8] = 'N';
    read(fd, text, 100);
    printf("%s %d ", text, fchdir(dir));
    memset(text, 0, 100);
    pread(memory, text, 9, (long)mapped);
    read(comm, text + 10, 90);
    read(again, text + 50, 50);
    printf("%s %s %s %d ", text, strtok(text + 10, "\\n"), text + 50, openat(listed, "0", O_RDONLY) > 0);
    memset(text, 0, 100);
    int server = accept(listener, 0, 0), second = socket(AF_UNIX, SOCK_STREAM, 0);
    read(server, text, 5);
    printf("%s ", text);
    printf("%ld ", (long)recv(udp, text, 100, 0));
    printf("%d ", connect(second, (void *)&name, sizeof name));
    send(client, "late", 4, 0), close(client);
    printf("%ld ", (long)recv(server, text, 100, 0));
    printf("%ld\\n", (long)recv(server, text, 100, 0));
    return 0;
}
"""
AFTER = b"1 5 4 pipe socket 456 7NM 0 01234567N iles hared 1 early 6 0 4 0\n"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = find_c_compiler()
    if compiler is None:
        pytest.skip(NO_C_COMPILER)
    program = tmp_path_factory.mktemp("program") / "files"
    program.with_suffix(".c").write_text(SOURCE)
    subprocess.run(
        [*compiler, "-static", "-O1", "-w", "-fno-inline", "-o", program, program.with_suffix(".c")], check=True
    )
    return program


def machine_for(program: Path, root: Path) -> tuple[Machine, io.BytesIO]:
    out = io.BytesIO()
    machine = Machine(ram=64 << 20, stdout=out, roots=(Mount(str(root), ()),))
    machine.load(program)
    return machine, out


def test_the_same_machine_goes_back(program: Path, tmp_path: Path) -> None:
    machine, out = machine_for(program, tmp_path)
    machine.run(until=["halfway"])
    taken = snapshot.take(machine)
    for _ in range(3):
        assert machine.run() == Exited(0)
        assert out.getvalue() == b"before\n" + AFTER  # what was written before is not written again
        snapshot.put_back(machine, taken)
        (tmp_path / "f").write_bytes(b"0123456789")


def test_another_machine_goes_on(program: Path, tmp_path: Path) -> None:
    machine, _ = machine_for(program, tmp_path)
    machine.run(until=["halfway"])
    taken = snapshot.take(machine)
    other, out = machine_for(program, tmp_path)
    snapshot.put_back(other, taken)
    assert other.run() == Exited(0)
    assert out.getvalue().endswith(AFTER)
