"""What outlives a run of an OAuth 2.0 sign-in, and the file that keeps it, one process at a time writing it.

A refresh token is good once. So the next one is written beside the file, flushed and renamed over it, and the
folder flushed, before the access token that came with it is used: a crash leaves the old file or the new one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import orjson

from bulkseg.clock import Clock
from bulkseg.eloqua.sources import READABLE
from bulkseg.errors import ConfigError, SignInRefused, StorageFull
from bulkseg.redact import secrets

# How long another process may hold the file: two requests, and a minute between password grants, fit in.
LONGEST_HELD = 300.0
_LOOK_EVERY = 0.1


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What the file holds. Times are Unix seconds.

    `client_id` and `login_url` say whose tokens they are. `access` is good until `good_until`, which lies
    before its end by a margin. `seed` is a digest of the given refresh token that began this line of tokens;
    `password_at` is when the last password grant was asked for.
    """

    client_id: str
    login_url: str
    refresh: str = ""
    access: str = ""
    good_until: float = 0.0
    seed: str = ""
    password_at: float = 0.0


def digest(token: str) -> str:
    """Stands for a token that was given, so that a new one can be told from it; it cannot be turned back."""
    return hashlib.blake2b(token.encode(), digest_size=16, person=b"bulkseg-seed").hexdigest()


class TokenStore(Protocol):
    """Where one chain of tokens is kept, by whoever may spend them. As text it is what a message calls it.

    All of it may block, `held` apart: call it in a thread, and only while it is held.
    """

    def read(self) -> Tokens | None:
        """What is kept, or None where there is nothing. Raises SignInRefused where it is damaged."""

    def ready(self, tokens: Tokens) -> None:
        """To be called right before a token is spent that is good once, with what is kept.

        Raises:
            Stopped: the next one could not be kept, or another process may spend this one.
        """

    def write(self, tokens: Tokens) -> None:
        """Puts `tokens` in its place, to last when this returns. Raises StorageFull where it cannot be."""

    def held(self, clock: Clock) -> AbstractAsyncContextManager[None]:
        """While it lasts, no other process reads or spends what is kept; a dead one lets go of it.

        Raises:
            ConfigError: it cannot be kept there.
            Stopped: another process has held it for too long, or it is not to be had for now.
        """


class TokenFile:
    """One token file, and the lock beside it."""

    def __init__(self, path: Path) -> None:
        # Where it is a link, the file that it leads to is replaced, and not the link.
        self.path = path.resolve()

    def __str__(self) -> str:
        """What a message calls it."""
        return f"the token file {self.path}"

    def read(self) -> Tokens | None:
        """What it holds, or None where there is none.

        Raises:
            SignInRefused: it cannot be read, or is damaged.
        """
        try:
            found = parsed(orjson.loads(self.path.read_bytes()))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SignInRefused(f"{self} cannot be read: {error.strerror}; {READABLE}") from None
        except ValueError:
            found = None
        if found is None:
            raise SignInRefused(f"{self} is damaged: sign in anew with `bulkseg login`")
        secrets.learn(found.refresh, found.access)
        return found

    def ready(self, tokens: Tokens) -> None:
        """Writes it as it was, so that nothing is spent where the next cannot be kept. Raises as `write`."""
        self.write(tokens)

    def write(self, tokens: Tokens) -> None:
        """Puts `tokens` in its place, on the disk when this returns. Only for its owner to read.

        Raises:
            StorageFull: it cannot be written.
        """
        secrets.learn(tokens.refresh, tokens.access)
        beside = self.path.with_name(self.path.name + ".new")
        try:
            beside.unlink(missing_ok=True)
            with open(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123
                file.write(orjson.dumps(asdict(tokens)))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
            _flush_folder(self.path.parent)
        except OSError as error:
            raise StorageFull(
                f"{self} cannot be written: {error.strerror}; once that is mended, run"
                " again, and if the token is refused then, sign in anew with `bulkseg login`"
            ) from None

    @asynccontextmanager
    async def held(self, clock: Clock) -> AsyncIterator[None]:
        """While it lasts, no other process reads or spends what is in the file; a dead one lets go of it.

        Raises:
            ConfigError: there is no folder to write it to.
            SignInRefused: another process has held it for too long.
        """
        descriptor = self._open_lock()
        try:
            await self._lock(descriptor, clock)
            yield
        finally:
            os.close(descriptor)

    async def _lock(self, descriptor: int, clock: Clock) -> None:
        end = clock.monotonic() + LONGEST_HELD
        while not _taken(descriptor):
            if clock.monotonic() > end:
                raise SignInRefused(
                    f"another process has held {self} for {LONGEST_HELD:g} s: end it, then run again"
                )
            await clock.sleep(_LOOK_EVERY)

    def _open_lock(self) -> int:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self.path.with_name(self.path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise ConfigError(
                f"{self} cannot be kept there: {error.strerror}; name another with ELOQUA_TOKEN_FILE"
            ) from None


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def parsed(document: Any) -> Tokens | None:
    """The tokens, or None where it is something else. What a later version adds is left out."""
    if not isinstance(document, dict):
        return None
    values = {field.name: document.get(field.name, field.default) for field in fields(Tokens)}
    texts = ("client_id", "login_url", "refresh", "access", "seed")
    right = all(isinstance(values[name], str) for name in texts) and all(
        isinstance(values[name], (int, float)) for name in ("good_until", "password_at")
    )
    return Tokens(**values) if right else None
