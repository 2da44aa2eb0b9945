"""The name of a file that lies elsewhere. It stands where a Path stands, and its text is what is shown.

Only stores are read that somebody signs in to, and what this process keeps itself. Not http(s): a job may
come from people who may not look into the network of the machine that runs it, and would have it look for
them.
For the same reason a job that lies elsewhere names no files of that machine.
"""

from __future__ import annotations

import glob
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote

from bulkseg.errors import ConfigError, InputError, Problem
from bulkseg.redact import secrets

# The package that each kind of store needs besides fsspec; None for what fsspec has itself.
PACKAGES = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "oci": "ocifs",
    "oss": "ossfs",
    "memory": None,
}
# A job file or a body file is read whole.
LONGEST = 16 << 20
# fsspec would read a file through others: simplecache::s3://…
_URL = re.compile(r"([A-Za-z][\w+.-]*)((?:::[\w+.-]+)*)://")
# Azure's URLs have the container there: that alone is no secret.
_USER = re.compile(r"(?<=://)([^/@]*:[^/@]*)@|(?<=://)(?<!abfs://)(?<!abfss://)(?<!az://)([^/@]*)@")
_QUERY = re.compile(r"\?[\w.-]+=.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Url:
    """A file in a store, or a folder there. Whatever reads it raises OSError, as for a Path.

    `text` has no credentials in it: those are refused where a Url is made of what was given.
    """

    text: str

    def __str__(self) -> str:
        """As it is shown."""
        return self.text

    @property
    def path(self) -> str:
        """What comes after the scheme: the bucket or container first."""
        return self.text.partition("://")[2]

    @property
    def name(self) -> str:
        """Its last part."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its last ending."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The name's last ending."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> Url:
        """The folder that it is in."""
        return self._at(self.path.rpartition("/")[0])

    def exists(self) -> bool:
        """Whether there is such a file."""
        from bulkseg.remote import stores

        return stores.is_file(self.text)

    def open(self) -> BinaryIO:
        """Its bytes from their beginning, as they come."""
        from bulkseg.remote import stores

        return stores.opened(self.text)

    def read_bytes(self) -> bytes:
        """All of it; for a job file or a body file, which is small."""
        with self.open() as stream:
            content = stream.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise OSError(None, f"it is larger than {LONGEST >> 20} MiB")
        return content

    def matching(self) -> list[Url]:
        """The files that this stands for where it is a glob, sorted."""
        from bulkseg.remote import stores

        top = self.path.partition("/")[0]
        found = [path.lstrip("/") for path in stores.matching(self.text)]
        if not glob.has_magic(top):
            # Of Azure's container@account, what is found has the container only.
            found = [f"{top}/{path.partition('/')[2]}" for path in found]
        return [self._at(path) for path in sorted(found)]

    def seen_from(self, folder: Url) -> str:
        """The relative name that leads here from a folder of the same store."""
        return posixpath.relpath(f"/{self.path}", f"/{folder.path}")

    def beside(self, name: str) -> Url:
        """What a relative name leads to from this folder. Raises ValueError where that is another store."""
        path = posixpath.normpath(posixpath.join(self.path.lstrip("/"), name))
        top = self.path.lstrip("/").partition("/")[0]
        if path.startswith("..") or (top and path.partition("/")[0] != top):
            raise ValueError(name)
        return self._at(path)

    def _at(self, path: str) -> Url:
        return Url(f"{self.text.partition('://')[0]}://{path}")


Place = Path | Url


def is_url(text: str) -> bool:
    """Whether this names something elsewhere, and not by a path."""
    return _URL.match(text) is not None


def place_of(text: str) -> Place:
    """A place as it was given: a path, a file:// URL, which stands for one, or the URL of a store.

    Raises ConfigError; what it says shows no credentials.
    """
    found = _URL.match(text)
    if found is None:
        return Path(text)
    scheme = found[1].lower()
    _refuse_credentials(text)
    if scheme == "file" and not found[2]:
        return _local(text)
    if scheme not in PACKAGES or found[2]:
        known = ", ".join(["file://", *(f"{name}://" for name in PACKAGES if name != "memory")])
        raise ConfigError(
            f"{text}: cannot be read from there: fetch it first and name the file, or use {known}"
        )
    return Url(f"{scheme}://{text[found.end() :].lstrip('/')}")


def joined(base: Place, name: str) -> Place:
    """What a job whose folder is `base` calls `name`. Raises InputError."""
    try:
        place = place_of(name)
    except ConfigError as error:
        raise InputError(Problem(str(base), str(error))) from None
    if isinstance(place, Url):
        return place
    if isinstance(base, Path):
        return base / place
    if place.is_absolute() or is_url(name):
        what = f"{name}: a job that lies elsewhere names no file of this machine; put it beside the job"
        raise InputError(Problem(str(base), what))
    try:
        return base.beside(name)
    except ValueError:
        raise InputError(Problem(str(base), f"{name}: leads out of the store that the job lies in")) from None


def _refuse_credentials(text: str) -> None:
    """A store's own settings say who asks; what stands in a URL would end up in logs and checkpoints."""
    user, query = _USER.search(text), _QUERY.search(text)
    if user is None and query is None:
        return
    found = [user[1] or user[2]] if user else []
    found += query[0].lstrip("?").split("&") if query else []
    for secret in found:
        last = secret.rpartition("=" if "=" in secret else ":")[2]
        secrets.learn(secret, last, unquote(last))
    raise ConfigError(
        f"{_QUERY.sub('', _USER.sub('', text))}: was given with credentials or a query in it: leave them out;"
        " the store's own settings (environment, configuration file, the machine's role) say who asks"
    )


def _local(text: str) -> Path:
    host, _, path = text.partition("://")[2].partition("/")
    if host not in ("", "localhost"):
        raise ConfigError(f"{text}: names a file of another machine; write file:/// and a path of this one")
    return Path(unquote(f"/{path}"))
