"""--root: the guest's tree shows what the user named and nothing else, whatever links, dots and races try."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.host_tree import Mount, open_host
from kernel_model.files.tree.tree import Tree
from kernel_model.mm.frames import FrameAllocator
from kernel_model.time.realtime import EPOCH
from pffemu.hw.ram import Ram
from pffemu.machine.roots import parse_root

SECRET = b"the host's own"


def tree_of(mounts: list[Mount]) -> Tree:
    ram = Ram(1 << 22)
    return Tree(mounts, ram, FrameAllocator(ram))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """/ and /data/in (read-only) of the guest; around them a secret, and links that want to reach it."""
    outside = tmp_path_factory.mktemp("host")
    (outside / "secret").write_bytes(SECRET)
    root = outside / "root"
    (root / "d" / "e").mkdir(parents=True)
    (root / "file").write_bytes(b"inside")
    targets = (
        str(outside),
        str(outside / "secret"),
        "../secret",
        "..",
        "../..",
        "/",
        "d",
        "/proc/self/root",
        "a/../..",
    )
    for i, target in enumerate(targets):
        (root / f"l{i}").symlink_to(target)
        (root / "d" / f"l{i}").symlink_to(target)
    (outside / "other").mkdir()
    (outside / "other" / "note").write_bytes(b"other")
    (outside / "other" / "up").symlink_to("../secret")
    return tree_of([Mount(str(root), ()), Mount(str(outside / "other"), (b"data", b"in"), read_only=True)])


def content(tree: Tree, path: bytes, start: tuple[bytes, ...] = ()) -> bytes:
    place = tree.walk(tree.place_at(start), path, None)
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    if place.mount is None or place.is_directory:
        raise LinuxError(Errno.EISDIR)
    fd = open_host(place, os.O_RDONLY)
    try:
        return os.read(fd, 100)
    finally:
        os.close(fd)


NAMES = st.sampled_from(
    [b"..", b".", b"d", b"e", b"file", b"secret", b"data", b"in", b"up", b"", *(b"l%d" % i for i in range(9))]
)


@given(names=st.lists(NAMES, max_size=12), absolute=st.booleans(), inside=st.booleans())
def test_no_path_reaches_outside(tree: Tree, names: list[bytes], absolute: bool, inside: bool) -> None:
    path = (b"/" if absolute else b"") + b"/".join(names)
    refused = (Errno.ENOENT, Errno.ENOTDIR, Errno.EISDIR, Errno.ELOOP)
    try:
        found: bytes | Errno = content(tree, path, (b"d",) if inside else ())
    except LinuxError as error:
        found = error.errno
    assert found in (b"inside", b"other", *refused)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (b"/file", b"inside"),
        (b"d/../file", b"inside"),
        (b"/../../../file", b"inside"),
        (b"/d/l5/file", b"inside"),  # a link to / is a link to the guest's /
        (b"/data/in/note", b"other"),
        (b"/data/in/../../file", b"inside"),
        (b"/data/in/up", Errno.ENOENT),
        (b"/l1", Errno.ENOENT),
        (b"/data", Errno.EISDIR),
        (b"/file\0x", Errno.ENOENT),
    ],
)
def test_what_paths_mean(tree: Tree, path: bytes, wanted: bytes | Errno) -> None:
    if isinstance(wanted, Errno):
        with pytest.raises(LinuxError) as caught:
            content(tree, path)
        assert caught.value.errno is wanted
    else:
        assert content(tree, path) == wanted


def test_a_directory_that_becomes_a_link_behind_the_walk_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "root" / "d").mkdir(parents=True)
    (tmp_path / "root" / "d" / "secret").write_bytes(b"harmless")
    (tmp_path / "secret").write_bytes(SECRET)
    tree = tree_of([Mount(str(tmp_path / "root"), ())])
    places = [tree.walk(None, b"/d/secret", None), tree.walk(None, b"/d/new", None)]
    (tmp_path / "root" / "d").rename(tmp_path / "gone")
    (tmp_path / "root" / "d").symlink_to("..")
    for place, flags in zip(places, (os.O_RDONLY, os.O_WRONLY | os.O_CREAT), strict=True):
        with pytest.raises(LinuxError) as caught:
            open_host(place, flags, 0o600)
        assert caught.value.errno in (Errno.ENOTDIR, Errno.ELOOP)
    assert not (tmp_path / "new").exists()


def test_a_file_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "f").touch()
    (tmp_path / "secret").write_bytes(SECRET)
    tree = tree_of([Mount(str(tmp_path / "root"), ())])
    place = tree.walk(None, b"f", None)
    (tmp_path / "root" / "f").unlink()
    (tmp_path / "root" / "f").symlink_to("../secret")
    for flags in (os.O_RDONLY, os.O_WRONLY | os.O_TRUNC):
        with pytest.raises(LinuxError):
            open_host(place, flags)
    assert (tmp_path / "secret").read_bytes() == SECRET


def test_devices_fifos_and_sockets_of_the_host_cannot_be_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    tree = tree_of([Mount(str(tmp_path), ())])
    with pytest.raises(LinuxError) as caught:
        open_host(tree.walk(None, b"fifo", None), os.O_RDONLY)
    assert caught.value.errno is Errno.EACCES


def test_the_hosts_times_show_where_the_user_asked_for_them(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    os.utime(tmp_path / "f", ns=(1, 1_600_000_000_123_456_789))
    shown = []
    for text in (f"{tmp_path}:/:ro", f"{tmp_path}:/:ro:times"):
        tree = tree_of([parse_root(text)])
        status = tree.status(tree.walk(None, b"f", None))
        assert (status.atime, status.ctime) == (EPOCH, EPOCH)
        shown.append(status.mtime)
    assert shown == [EPOCH, 1_600_000_000_123_456_789]


def test_nothing_is_there_without_a_root() -> None:
    tree = tree_of([])
    for path in (b"/etc/passwd", b"etc", b"../etc", b"/proc/1/environ"):
        with pytest.raises(LinuxError):
            content(tree, path)
    names = [name for name, _, _ in tree.list(tree.place_at(()), None)]
    assert names == [b".", b"..", b"dev", b"tmp", b"var"]
