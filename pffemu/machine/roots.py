"""The option --root HOST[:GUEST][:ro]: a host directory that the guest may reach."""

from __future__ import annotations

from pathlib import Path

from kernel_model.files.host_tree import Mount
from pffemu.errors import UsageError

_FORM = "write --root HOST[:GUEST][:ro], as in --root data:/data:ro"


def parse_root(text: str) -> Mount:
    """The mount that `text` means; GUEST is `/` by default. Raises UsageError."""
    parts = text.split(":")
    read_only = len(parts) > 1 and parts[-1] == "ro"
    if read_only:
        parts.pop()
    if not 1 <= len(parts) <= 2 or not parts[0]:
        raise UsageError(f"{text!r} names no directory", remedy=_FORM)
    host = Path(parts[0])
    if not host.is_dir():
        raise UsageError(f"{host} is not a directory", remedy=_FORM)
    guest = parts[1] if len(parts) == 2 else "/"
    names = tuple(name for name in guest.encode(errors="surrogateescape").split(b"/") if name)
    if not guest.startswith("/") or b"." in names or b".." in names:
        raise UsageError(f"{guest!r} is not an absolute path in the guest", remedy=_FORM)
    return Mount(str(host.resolve()), names, read_only)


def check_roots(mounts: tuple[Mount, ...]) -> None:
    """Raises UsageError when two mounts have the same guest path."""
    paths = [mount.guest for mount in mounts]
    for path in paths:
        if paths.count(path) > 1:
            shown = "/" + b"/".join(path).decode(errors="replace")
            raise UsageError(f"two roots at {shown} in the guest", remedy="give each a guest path of its own")
