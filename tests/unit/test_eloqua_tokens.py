"""The token file: written whole or not at all, for its owner alone, and one process at a time."""

import asyncio
import os
import stat
from dataclasses import replace

import orjson
import pytest
from pydantic import SecretStr

from bulkseg.eloqua.auth import begin
from bulkseg.eloqua.tokens import TokenFile, Tokens, digest
from bulkseg.errors import ConfigError, SignInRefused, StorageFull
from tests.unit.aioresponse import LOGIN, oauth, site
from tests.virtual import VirtualTime

KEPT = Tokens("client", LOGIN, refresh="r1", access="a1", good_until=5.5, seed="d", password_at=1.0)


@pytest.fixture
def file(tmp_path):
    return TokenFile(tmp_path / "acme.token")


# --- Written and read -----------------------------------------------------------------------------------


def test_what_was_written_is_read_again(file):
    assert file.read() is None
    file.write(KEPT)
    assert file.read() == KEPT


def test_only_its_owner_may_read_it(file):
    old = os.umask(0)
    try:
        file.write(KEPT)
        file.write(replace(KEPT, refresh="r2"))
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert [path.name for path in file.path.parent.iterdir()] == ["acme.token"]


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_whole(file, monkeypatch, fails):
    file.write(KEPT)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if fails == "fsync" else type(file.path), fails, full)
    with pytest.raises(StorageFull, match=r"acme.token cannot be written: No space left .*`bulkseg login`"):
        file.write(replace(KEPT, refresh="r2"))
    assert file.read() == KEPT


def test_file_and_folder_are_flushed_and_the_rename_lies_between(file, monkeypatch):
    steps = []
    real, replace_file = os.fsync, type(file.path).replace

    def flushed(descriptor):
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real(descriptor)

    def renamed(path, target):
        steps.append("rename")
        return replace_file(path, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(type(file.path), "replace", renamed)
    file.write(KEPT)
    assert steps == ["file", "rename", "folder"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.token").symlink_to(tmp_path / "real" / "r.token")
    TokenFile(tmp_path / "link.token").write(KEPT)
    assert (tmp_path / "link.token").is_symlink()
    assert TokenFile(tmp_path / "real" / "r.token").read() == KEPT


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"{}", b"\xff", b'{"client_id": 1, "login_url": ""}'],
)
def test_a_damaged_file_is_told_and_left_as_it_is(file, content):
    file.path.write_bytes(content)
    with pytest.raises(SignInRefused, match="damaged: sign in anew with `bulkseg login`"):
        file.read()
    assert file.path.read_bytes() == content


def test_what_a_later_version_adds_does_no_harm(file):
    file.write(KEPT)
    file.path.write_bytes(orjson.dumps({**orjson.loads(file.path.read_bytes()), "more": [1]}))
    assert file.read() == KEPT


def test_a_file_that_cannot_be_read_is_told(file):
    file.path.mkdir()
    with pytest.raises(SignInRefused, match="cannot be read"):
        file.read()


def test_tokens_show_in_no_text():
    assert "r1" not in f"{KEPT} {KEPT!r}"


# --- Held -----------------------------------------------------------------------------------------------


async def test_who_comes_second_waits_until_the_first_lets_go(file):
    steps = []

    async def second():
        async with TokenFile(file.path).held(VirtualTime().clock()):
            steps.append("second")

    async with file.held(VirtualTime().clock()):
        waiting = asyncio.create_task(second())
        for _ in range(20):
            await asyncio.sleep(0)
        steps.append("first")
    await waiting
    assert steps == ["first", "second"]


async def test_a_file_that_another_holds_for_ever_is_given_up(file):
    async with file.held(VirtualTime().clock()):
        with pytest.raises(SignInRefused, match="another process has held"):
            async with TokenFile(file.path).held(VirtualTime().clock()):
                pass


async def test_the_folder_is_made_for_its_owner_alone(tmp_path):
    path = tmp_path / "state" / "bulkseg" / "x.token"
    async with TokenFile(path).held(VirtualTime().clock()):
        pass
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_folder_that_cannot_be_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="ELOQUA_TOKEN_FILE"):
        async with TokenFile(tmp_path / "file" / "x.token").held(VirtualTime().clock()):
            pass


def test_a_process_that_died_between_write_and_rename_is_no_matter(file):
    file.path.with_name("acme.token.new").write_bytes(b"half")
    file.write(KEPT)
    assert file.read() == KEPT


# --- What a renewal begins with -------------------------------------------------------------------------

FIRST, SECOND = SecretStr("given-first"), SecretStr("given-second")
SEEDED = replace(KEPT, seed=digest("given-first"))


@pytest.mark.parametrize(
    ("kept", "given", "refresh", "access"),
    [
        (None, FIRST, "given-first", ""),
        (None, None, "", ""),
        (SEEDED, FIRST, "r1", "a1"),
        (SEEDED, None, "r1", "a1"),
        (SEEDED, SECOND, "given-second", ""),
        (replace(KEPT, seed=""), None, "r1", "a1"),
        (replace(KEPT, seed=""), FIRST, "given-first", ""),
    ],
)
def test_the_file_wins_unless_the_given_token_was_changed_since(kept, given, refresh, access):
    found = begin(kept, site(), oauth(refresh_token=given), "here")
    assert (found.refresh, found.access) == (refresh, access)
    assert found.seed == (digest(given.get_secret_value()) if given else (kept.seed if kept else ""))


def test_when_the_password_was_last_tried_outlives_a_changed_token():
    assert begin(SEEDED, site(), oauth(refresh_token=SECOND), "here").password_at == 1.0


@pytest.mark.parametrize("other", [{"client_id": "other"}, {"login_url": "https://elsewhere.test"}])
def test_a_file_of_another_client_or_login_is_refused_not_overwritten(other):
    with pytest.raises(ConfigError, match=r"was made for client .* ELOQUA_TOKEN_FILE") as refused:
        begin(replace(KEPT, **other), site(), oauth(refresh_token=FIRST), "here")
    assert "r1" not in str(refused.value)


def test_the_digest_of_a_seed_is_not_the_seed():
    assert digest("given-first") == digest("given-first") != digest("given-second")
    assert "given" not in digest("given-first")
