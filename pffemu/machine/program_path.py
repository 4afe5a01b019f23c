"""The guest's path of the program's own file: under a root, or else the user's path, which is made visible."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.calls.program import Executable, ProgramFiles, ProgramLoader, interpreter_of_script
from kernel_model.files.host_tree import Mount, Names, host_status
from kernel_model.files.tree.place import Place
from kernel_model.files.tree.tree import Tree
from pffemu.errors import NotLoadableError
from pffemu.machine.image import SOURCE_SUFFIXES, Image

_REACH_LOADER = "--libs, for this host's loader and libraries, or --root DIR, for a directory that has them"
_REACH_INTERPRETER = "--root DIR, for a directory that has it, with --libs if it needs this host's libraries"


class ProgramPath(NamedTuple):
    """`exe`: what /proc/self/exe points to; `argv0`: the name the program is started with."""

    exe: str
    argv0: str


def program_path(image: Image, tree: Tree) -> ProgramPath:
    """`argv0` is what the user typed, unless the guest finds the program by another path, under a root, only.

    That path keeps the name of a link, by which programs with many names (busybox) know what to do.
    A program outside the roots is added to `tree`: that file alone, read-only, and not listed in its directory.
    """
    if not image.file:
        return ProgramPath("/" + PurePosixPath(image.name).name, image.name)
    file = Path(image.file)
    is_source = file.suffix.lower() in SOURCE_SUFFIXES  # the file is not the ELF that runs
    found = None if is_source else _under_a_root(file.resolve(), tree) or _under_a_root(file, tree)
    if found is not None:
        path, _ = _under_a_root(file, tree) or found
        typed = _same_file(tree, os.fsencode(image.name), file) is not None
        return ProgramPath(os.fsdecode(found[1].path), image.name if typed else os.fsdecode(path))
    return ProgramPath("/" + os.fsdecode(b"/".join(show_program(image, tree))), image.name)


def show_program(image: Image, tree: Tree) -> Names:
    """Add the program's own file to `tree`: that file alone, read-only, not listed. Returns its path there."""
    names = _components(os.fsencode(image.name))
    tree.add(Mount(str(Path(image.file).resolve()), names, read_only=True, listed=False))
    return names


def first_program(
    tree: Tree, loader: ProgramLoader, image: Image, path: ProgramPath, arguments: Sequence[bytes]
) -> Executable:
    """The program to start for `image`, with what interprets it. Raises NotLoadableError."""
    files = ProgramFiles(lambda name: tree.walk(None, name, None), loader)
    if image.script:
        what, needed = "a script, and its interpreter", interpreter_of_script(image.script)[0]
    else:
        what, needed = "dynamically linked, and its loader", image.interpreter
    try:
        if image.script:
            return files.of_script(image.script, os.fsencode(path.argv0), arguments)
        return files.with_interpreter(image, os.fsencode(path.exe), arguments)
    except LinuxError as error:
        why = "is not in the guest's file tree" if error.errno == Errno.ENOENT else f"cannot be run: {error.errno.name}"
        raise NotLoadableError(
            f"{what} {os.fsdecode(needed)} {why}",
            where=image.name,
            remedy=_REACH_INTERPRETER if image.script else _REACH_LOADER,
        ) from None


def _under_a_root(file: Path, tree: Tree) -> tuple[bytes, Place] | None:
    """The guest's path of the file under a root, links in it not followed, and where it leads."""
    for mount in sorted(tree.hosts.values(), key=lambda mount: len(mount.guest), reverse=True):
        if file.is_relative_to(mount.host):
            path = b"/" + b"/".join((*mount.guest, os.fsencode(file.relative_to(mount.host))))
            found = _same_file(tree, path, file)
            if found is not None:
                return path, found
    return None


def _same_file(tree: Tree, path: bytes, file: Path) -> Place | None:
    """Where the guest's `path` leads from `/`, if that is `file`."""
    try:
        place = tree.walk(None, path, None)
        if place.mount is not None and os.path.samestat(host_status(place), file.stat()):
            return place
    except (LinuxError, OSError):
        pass
    return None


def _components(path: bytes) -> Names:
    """The components of `path`, for a walk from `/`."""
    names: list[bytes] = []
    for name in path.split(b"/"):
        if name == b"..":
            names[-1:] = []
        elif name not in (b"", b"."):
            names.append(name)
    return tuple(names)
