"""Reads files in stores, by fsspec. What goes wrong there comes out as OSError, in words and on one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Self, cast

from bulkseg.errors import ConfigError
from bulkseg.redact import secrets
from bulkseg.remote.url import PACKAGES

try:
    from fsspec.core import url_to_fs
except ImportError as error:
    raise ConfigError("reading from a store by URL needs more: pip install 'bulkseg[remote]'") from error

# A glob that stands for more is a mistake, or would take hours to bring.
MOST_FILES = 10_000
_LONGEST_WORDS = 300


def opened(url: str) -> BinaryIO:
    """The bytes of a file, from their beginning. Raises OSError, ConfigError."""
    with _in_words(url):
        store, path = _store(url)
        return cast("BinaryIO", _Guarded(url, store.open(path, "rb")))


def is_file(url: str) -> bool:
    """Whether there is such a file. Raises as `opened`."""
    with _in_words(url):
        store, path = _store(url)
        return bool(store.isfile(path))


def matching(url: str) -> list[str]:
    """The paths of the files that a glob stands for, as the store has them. Raises as `opened`."""
    with _in_words(url):
        store, path = _store(url)
        found = store.glob(path, detail=True)
    files = [name for name, about in found.items() if about["type"] == "file"]
    if len(files) > MOST_FILES:
        raise OSError(None, f"{len(files):,} files match, which is more than {MOST_FILES:,}")
    return files


class _Guarded:
    """A stream of a store, whose failures are in our words too."""

    def __init__(self, url: str, stream: Any) -> None:
        self._url = url
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, `size` at most."""
        with _in_words(self._url):
            return bytes(self._stream.read(size))


def _store(url: str) -> tuple[Any, str]:
    scheme = url.partition("://")[0]
    try:
        store, path = url_to_fs(url)
    except ImportError:
        raise ConfigError(f"{scheme}:// needs more: pip install '{PACKAGES[scheme]}'") from None
    # What a store was seen to hold is remembered for as long as the process lives, which may be months.
    store.invalidate_cache()
    return store, path


@contextmanager
def _in_words(url: str) -> Iterator[None]:
    """Each store has errors of its own kind; what they have in common is that the file was not read."""
    try:
        yield
    except (FileNotFoundError, PermissionError, IsADirectoryError, ConfigError):
        raise
    except Exception as error:
        said = " ".join(secrets.text(str(error)).split())[:_LONGEST_WORDS]
        raise OSError(None, f"{url.partition('://')[0]}: {type(error).__name__}: {said}") from error
