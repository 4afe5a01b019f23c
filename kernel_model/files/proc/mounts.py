"""/proc/PID/mounts, mountinfo and mountstats (fs/proc_namespace.c): what is mounted in the guest's tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.host_tree import Names

_FIRST_ID: Final = 20
_OTHER: Final = 1  # mnt_id of pipes, sockets and anonymous inodes
_HOST_TYPE: Final = "virtiofs"  # how a host's directory comes into a virtual machine
_ESCAPED: Final = str.maketrans({" ": "\\040", "\t": "\\011", "\n": "\\012", "\\": "\\134"})


class MountPoint(NamedTuple):
    """One line. `device`: st_dev of its files."""

    id: int
    parent: int
    device: int
    names: Names
    type: str
    options: str

    @property
    def path(self) -> str:
        return "/" + b"/".join(self.names).decode(errors="surrogateescape").translate(_ESCAPED)

    @property
    def source(self) -> str:
        return f"host{self.id}" if self.type == _HOST_TYPE else self.type


def mount_points(call: Caller) -> list[MountPoint]:
    """The root first, then by path. The program's own file, which no directory lists, is not among them."""
    tree = call.kernel.tree
    found: dict[Names, tuple[int, str, str]] = {}
    for names, root in tree.roots.items():
        found[names] = (root.fs.device, root.fs.name, "rw")
    for names, mount in tree.hosts.items():
        if mount.listed:
            found[names] = (1, _HOST_TYPE, "ro" if mount.read_only else "rw")
    rows: list[MountPoint] = []
    for names, (device, kind, options) in sorted(found.items()):
        parents = [row for row in rows if names[: len(row.names)] == row.names]
        parent = max(parents, key=lambda row: len(row.names)).id if parents else 1
        rows.append(MountPoint(_FIRST_ID + len(rows), parent, device, names, kind, f"{options},relatime"))
    return rows


def mounts(call: Caller, _subject: object = None) -> str:
    return "".join(f"{row.source} {row.path} {row.type} {row.options} 0 0\n" for row in mount_points(call))


def mountinfo(call: Caller, _subject: object = None) -> str:
    lines = []
    for row in mount_points(call):
        device = f"{row.device >> 8}:{row.device & 0xFF}"
        super_options = row.options.split(",")[0]
        lines.append(
            f"{row.id} {row.parent} {device} / {row.path} {row.options} - {row.type} {row.source} {super_options}\n"
        )
    return "".join(lines)


def mountstats(call: Caller, _subject: object = None) -> str:
    return "".join(f"device {row.source} mounted on {row.path} with fstype {row.type}\n" for row in mount_points(call))


def mount_id(call: Caller, file: File) -> int:
    """mnt_id in fdinfo: of the mount that holds what the file was opened at."""
    if file.place is None:
        return _OTHER
    names = file.place.names
    holding = [row for row in mount_points(call) if names[: len(row.names)] == row.names]
    return max(holding, key=lambda row: len(row.names)).id if holding else _OTHER
