"""Where SQLite's WAL is safe: not on a network file system, whose locks and shared memory lie."""

from __future__ import annotations

import re
from pathlib import Path

from bulkseg.errors import CheckpointError

# https://sqlite.org/wal.html: "WAL does not work over a network filesystem". 9p is not here: a container's
# own root is a 9p under gVisor, where it is safe, and where it is not (WSL), SQLite's own calls fail at once.
NETWORK = frozenset(
    {
        "afs", "beegfs", "ceph", "cifs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs",
        "fuse.ceph", "fuse.cephfs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys", "fuse.rclone",
        "fuse.s3fs", "fuse.sshfs",
    }
)  # fmt: skip

_MOUNTINFO = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")


def filesystem_of(path: Path, mountinfo: str) -> str | None:
    """The type of the file system that holds `path` (absolute, resolved), None where it is not told.

    `mountinfo` is the text of /proc/self/mountinfo (proc(5)): the fifth field is the mount point, with
    blanks as octal escapes; the type is the first field after the lone hyphen. The longest mount point above
    the path counts, and of two at one place the later, which covers the earlier.
    """
    best: tuple[int, str] | None = None
    for line in mountinfo.splitlines():
        left, hyphen, right = line.partition(" - ")
        fields = left.split(" ")
        if not hyphen or len(fields) < 5:  # noqa: PLR2004
            continue
        mount = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        depth = len(mount.parts)
        if path.is_relative_to(mount) and (best is None or depth >= best[0]):
            best = (depth, right.split(" ")[0])
    return best[1] if best else None


def refuse_network(path: Path) -> None:
    """Raise CheckpointError where `path` (resolved) lies on a network file system.

    Only Linux tells in a form that can be read; elsewhere nothing is refused.
    """
    if not _MOUNTINFO.exists():
        return
    kind = filesystem_of(path, _MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape"))
    if kind in NETWORK:
        raise CheckpointError(
            f"{path} lies on a network file system ({kind}), where a checkpoint is not safe; "
            "name one on a local disk with --checkpoint"
        )
