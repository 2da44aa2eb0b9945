"""A sandbox in this process, the real command in others, ways to sign in, and a search for secrets."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bulkseg.sandbox import Sandbox, Settings, serve, token_environment
from tests.integration.commands import Ended, bulkseg

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}")


@dataclass
class Place:
    """A folder, and a sandbox that is asked from there."""

    folder: Path
    sandbox: Sandbox

    @property
    def token_file(self) -> Path:
        return self.folder / "kept.token"

    @property
    def by_token(self) -> dict[str, str]:
        """The variables for a sign-in with the refresh token that is good now."""
        return {**token_environment(self.sandbox), "ELOQUA_TOKEN_FILE": str(self.token_file)}

    @property
    def by_password(self) -> dict[str, str]:
        return {
            "ELOQUA_COMPANY": "Sandbox",
            "ELOQUA_USER": "demo",
            "ELOQUA_PASSWORD": "demo",
            "ELOQUA_LOGIN_URL": self.sandbox.url,
        }

    async def run(self, *arguments: object, site: Mapping[str, str]) -> Ended:
        return await asyncio.to_thread(bulkseg, *arguments, cwd=self.folder, site=site)

    def let_a_night_pass(self) -> None:
        """From now on the access token that is kept has come to its end."""
        kept = json.loads(self.token_file.read_bytes())
        self.token_file.write_text(json.dumps({**kept, "good_until": 1.0}))

    def asked(self, path: str) -> int:
        """How many requests came to addresses that end so."""
        return sum(arrival.path.endswith(path) for arrival in self.sandbox.store.arrivals)


@asynccontextmanager
async def place(folder: Path, **settings: object) -> AsyncIterator[Place]:
    """Served for as long as the context lasts; every request is kept in mind."""
    async with serve(Settings(record_arrivals=True, **settings)) as sandbox:
        yield Place(folder, sandbox)


def shows(content: bytes, secret: str) -> bool:
    """Whether the secret is in there, as it is or in base64 wherever it begins."""
    return secret.encode() in content or any(secret.encode() in text for text in _decoded(content))


def _decoded(content: bytes) -> list[bytes]:
    found = []
    for run in _BASE64.findall(content):
        for first in range(4):
            part = run[first:].translate(bytes.maketrans(b"-_", b"+/"))
            whole = part[:-1] if len(part) % 4 == 1 else part
            found.append(base64.b64decode(whole + b"=" * (-len(whole) % 4)))
    return found


def everything(folder: Path, *ended: Ended, but: tuple[str, ...] = ()) -> dict[str, bytes]:
    """What was printed, and what is in each file but those of these names."""
    files = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    said = {f"output {number}": (one.out + one.err).encode() for number, one in enumerate(ended)}
    return {name: content for name, content in {**files, **said}.items() if Path(name).name not in but}
