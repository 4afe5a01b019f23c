"""One walk along a path (fs/namei.c): links, "..", and what openat2's RESOLVE_* forbid on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import (
    NAME_MAX,
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
)
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.tree.node import LinkNode
from kernel_model.files.tree.permission import MAY_EXEC, check

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.place import Place
    from kernel_model.files.tree.tree import Tree

LINKS_MAX: Final = 40  # followed in one walk (MAXSYMLINKS)


@dataclass(frozen=True, slots=True)
class How:
    """How a walk treats its end and its way.

    `follow`: follow a link that is the last component, too. `entry`: the last component is a name in its directory that
    is to be made or removed, never followed, whatever slashes are behind it (LOOKUP_PARENT). `resolve`: RESOLVE_*.
    """

    follow: bool = True
    entry: bool = False
    resolve: int = 0


class Walk:
    def __init__(self, tree: Tree, caller: Caller | None, how: How) -> None:
        self._tree, self._caller, self._how = tree, caller, how
        self._links = 0

    def run(self, start: Place | None, path: bytes) -> Place:
        """Resolve `path` from directory `start` (None: the root); the last component need not exist.

        Raises LinuxError ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES, EXDEV.
        """
        resolve = self._how.resolve
        root = self._tree.place_at(())
        begin = root if start is None else self._tree.again(start)
        if path.startswith(b"/"):
            if resolve & RESOLVE_BENEATH:
                raise LinuxError(Errno.EXDEV)
            begin = begin if resolve & RESOLVE_IN_ROOT else root
        scope = begin if resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT) else root
        pending = components(path)[::-1]
        as_directory = path.endswith((b"/", b"/.", b"/..")) or path in (b".", b"..")
        place = begin
        while pending:
            name = pending.pop()
            if not place.is_directory:
                raise LinuxError(Errno.ENOTDIR if place.exists else Errno.ENOENT)
            if self._caller is not None:
                check(self._caller, place, MAY_EXEC)
            if name == b".":
                continue
            if name == b"..":
                place = self._up(place, scope)
                continue
            if len(name) > NAME_MAX:
                raise LinuxError(Errno.ENAMETOOLONG)
            found = self._tree.child(place, name, self._caller)
            if not found.is_link or not (pending or (not self._how.entry and (self._how.follow or as_directory))):
                if found.is_root and found.exists and resolve & RESOLVE_NO_XDEV:
                    raise LinuxError(Errno.EXDEV)
                place = found
                continue
            jumped, target = self._link(found)
            if jumped is not None:
                place = jumped
                continue
            if target.startswith(b"/"):
                if resolve & RESOLVE_BENEATH or (resolve & RESOLVE_NO_XDEV and not self._tree.same_mount(place, root)):
                    raise LinuxError(Errno.EXDEV)
                place = scope
            as_directory |= not pending and target.endswith(b"/")
            pending += components(target)[::-1]
        if as_directory and place.exists and not place.is_directory and not self._how.entry:
            raise LinuxError(Errno.ENOTDIR)
        return replace(place, as_directory=as_directory)

    def _up(self, place: Place, scope: Place) -> Place:
        """What ".." means at `place`."""
        resolve = self._how.resolve
        if resolve and (place.names, place.node) == (scope.names, scope.node):
            if resolve & RESOLVE_BENEATH:
                raise LinuxError(Errno.EXDEV)
            return place
        if resolve & RESOLVE_NO_XDEV and place.is_root and place.names:
            raise LinuxError(Errno.EXDEV)
        return self._tree.parent(place, self._caller)

    def _link(self, found: Place) -> tuple[Place | None, bytes]:
        """Where a link leads: at once (a link of /proc), or along a path."""
        resolve = self._how.resolve
        self._links += 1
        if self._links > LINKS_MAX or resolve & RESOLVE_NO_SYMLINKS:
            raise LinuxError(Errno.ELOOP)
        jumped = found.node.jump(self._caller) if isinstance(found.node, LinkNode) else None
        if jumped is None and not (isinstance(found.node, LinkNode) and found.node.magic):
            return None, self._tree.read_link(found, self._caller)
        if resolve & RESOLVE_NO_MAGICLINKS:
            raise LinuxError(Errno.ELOOP)
        if resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT):
            raise LinuxError(Errno.EXDEV)
        if resolve & RESOLVE_NO_XDEV and (jumped is None or not self._tree.same_mount(found, jumped)):
            raise LinuxError(Errno.EXDEV)
        return (None, self._tree.read_link(found, self._caller)) if jumped is None else (jumped, b"")


def components(path: bytes) -> list[bytes]:
    return [name for name in path.split(b"/") if name]
