"""Where a checkpoint may lie, and who holds it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bulkseg.checkpoint import filesystem
from bulkseg.checkpoint.filesystem import filesystem_of, refuse_network
from bulkseg.checkpoint.lock import Lock
from bulkseg.errors import CheckpointBusy, CheckpointError

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /mnt/team\040share rw,relatime shared:5 - cifs //server/share rw
31 22 0:27 / /data rw - nfs4 server:/export rw,vers=4.2
32 31 0:28 / /data/local rw,relatime master:3 - xfs /dev/vdb rw
33 22 0:29 / /over rw - nfs server:/a rw
34 22 0:30 / /over rw - ext4 /dev/vdc rw
35 22 0:31 / /home/me/remote rw - fuse.sshfs me@host: rw
this is not a line of it
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/x.checkpoint", "ext4"),
        ("/mnt/team share/x.checkpoint", "cifs"),
        ("/mnt/team/x.checkpoint", "ext4"),
        ("/data/x.checkpoint", "nfs4"),
        ("/data/local/x.checkpoint", "xfs"),
        ("/database/x.checkpoint", "ext4"),
        ("/over/x.checkpoint", "ext4"),
        ("/home/me/remote/x.checkpoint", "fuse.sshfs"),
    ],
)
def test_the_deepest_mount_above_a_path_says_what_holds_it(path, kind):
    assert filesystem_of(Path(path), MOUNTS) == kind


def test_without_mounts_nothing_is_known():
    assert filesystem_of(Path("/x"), "") is None


def test_a_network_file_system_is_refused_with_its_name_and_a_way_out(tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 0:1 / {tmp_path.resolve()} rw - nfs4 server:/export rw\n", encoding="utf-8")
    monkeypatch.setattr(filesystem, "_MOUNTINFO", mounts)
    with pytest.raises(CheckpointError, match=r"network file system \(nfs4\).*--checkpoint"):
        refuse_network(tmp_path.resolve() / "x.checkpoint")


@pytest.mark.parametrize("known", [True, False])
def test_a_local_disk_and_a_system_that_tells_nothing_are_taken(tmp_path, monkeypatch, known):
    mounts = tmp_path / "mountinfo"
    if known:
        mounts.write_text("22 1 254:0 / / rw - ext4 /dev/vda rw\n", encoding="utf-8")
    monkeypatch.setattr(filesystem, "_MOUNTINFO", mounts)
    refuse_network(tmp_path / "x.checkpoint")


def test_a_second_lock_is_refused_and_names_the_checkpoint_and_the_holder(tmp_path):
    lock = Lock(tmp_path / "x.checkpoint")
    with pytest.raises(CheckpointBusy, match=rf"x\.checkpoint is held by .*{os.getpid()}"):
        Lock(tmp_path / "x.checkpoint")
    lock.release()
    Lock(tmp_path / "x.checkpoint").release()


def test_the_lock_is_a_private_file_that_stays(tmp_path):
    Lock(tmp_path / "x.checkpoint").release()
    assert stat.S_IMODE((tmp_path / "x.checkpoint.lock").stat().st_mode) == 0o600


def test_a_lock_file_deleted_while_it_was_being_locked_is_not_taken_for_the_lock(tmp_path, monkeypatch):
    opened = Lock._open

    def deleted_meanwhile(self):
        descriptor = opened(self)
        monkeypatch.setattr(Lock, "_open", opened)
        (tmp_path / "x.checkpoint.lock").unlink()
        return descriptor

    monkeypatch.setattr(Lock, "_open", deleted_meanwhile)
    lock = Lock(tmp_path / "x.checkpoint")
    with pytest.raises(CheckpointBusy):
        Lock(tmp_path / "x.checkpoint")
    lock.release()


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CheckpointError, match="a folder that exists"):
        Lock(tmp_path / "no" / "x.checkpoint")
