"""The options --root HOST[:GUEST][:ro[:times]], a directory for the guest, and --libs, the host's libraries."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from kernel_model.files.host_tree import Mount, Names
from pffemu.errors import UsageError

# where ld.so looks without a cache, and its cache; a directory in front of one that it holds
_LIBRARIES: Final = (
    "/lib", "/lib/x86_64-linux-gnu", "/lib32", "/lib64", "/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib32",
    "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache",
)  # fmt: skip
_FORM = "write --root HOST[:GUEST][:ro[:times]], as in --root data:/data:ro"


def parse_root(text: str) -> Mount:
    """The mount that `text` means; GUEST is `/` by default. Raises UsageError."""
    parts = text.split(":")
    times = len(parts) > 2 and parts[-2:] == ["ro", "times"]
    if times:
        parts.pop()
    read_only = len(parts) > 1 and parts[-1] == "ro"
    if read_only:
        parts.pop()
    if not 1 <= len(parts) <= 2 or not parts[0]:
        raise UsageError(f"{text!r} names no directory", remedy=_FORM)
    host = Path(parts[0])
    if not os.path.isdir(host):
        raise UsageError(f"{str(host)[:200]} is not a directory", remedy=_FORM)
    guest = parts[1] if len(parts) == 2 else "/"
    names = tuple(name for name in guest.encode(errors="surrogateescape").split(b"/") if name)
    if not guest.startswith("/") or b"." in names or b".." in names:
        raise UsageError(f"{guest!r} is not an absolute path in the guest", remedy=_FORM)
    return Mount(str(host.resolve()), names, read_only, times=times)


def check_roots(mounts: tuple[Mount, ...]) -> None:
    """Raises UsageError when two mounts have the same guest path, and on a host without O_PATH."""
    if mounts and not hasattr(os, "O_PATH"):
        raise UsageError("host directories need Linux, which opens paths without reading", remedy="leave --root out")
    paths = [mount.guest for mount in mounts]
    for path in paths:
        if paths.count(path) > 1:
            shown = "/" + b"/".join(path).decode(errors="replace")
            raise UsageError(f"two roots at {shown} in the guest", remedy="give each a guest path of its own")


def library_mounts(roots: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """The host's dynamic loader and libraries, read-only, at their own paths, except where a root shows something."""
    found: list[Mount] = []
    for path in _LIBRARIES:
        names = tuple(os.fsencode(path).split(b"/")[1:])
        held = any(names[: len(mount.guest)] == mount.guest for mount in found)
        if not held and Path(path).exists() and not _shows(roots, names):
            found.append(Mount(str(Path(path).resolve()), names, read_only=True))
    return tuple(found)


def _shows(roots: tuple[Mount, ...], names: Names) -> bool:
    """Whether the guest finds something at the path `names` under a root."""
    for mount in roots:
        if names[: len(mount.guest)] == mount.guest:
            below = b"/".join(names[len(mount.guest) :])
            if os.path.lexists(os.path.join(os.fsencode(mount.host), below)):
                return True
    return False
