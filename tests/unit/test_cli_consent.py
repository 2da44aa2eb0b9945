"""Which of the ways back from a browser counts, where several end at once."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from bulkseg.cli import consent
from bulkseg.errors import ConfigError, SignInRefused, Stopped
from bulkseg.stop import Stop
from tests.unit.aioresponse import oauth, site

HERE, ELSEWHERE = "http://127.0.0.1:8765/callback", "https://app.example.test/callback"


async def code(monkeypatch, *, pasted=None, came=None, stop=None, uri=HERE):
    """What `code_from` gives where these have come already."""
    loop = asyncio.get_running_loop()
    line, back = loop.create_future(), loop.create_future()
    if pasted is not None:
        line.set_result(pasted)
    if isinstance(came, Exception):
        back.set_exception(came)
    elif came is not None:
        back.set_result(came)

    @asynccontextmanager
    async def listening(*_):
        yield back

    monkeypatch.setattr(consent, "_pasted", lambda: line)
    monkeypatch.setattr(consent, "listening", listening)
    return await consent.code_from(site(), oauth(redirect_uri=uri), stop or Stop())


@pytest.mark.parametrize("pasted", [None, "", "  \n", "pasted-code\n"])
async def test_a_code_that_came_back_by_itself_counts_whatever_the_input_does(monkeypatch, pasted):
    assert await code(monkeypatch, pasted=pasted, came="code") == "code"


async def test_a_no_that_came_back_counts_though_the_input_ended(monkeypatch):
    with pytest.raises(SignInRefused, match="denied"):
        await code(monkeypatch, pasted="", came=SignInRefused("denied"))


async def test_a_code_is_taken_from_the_input_where_nothing_came(monkeypatch):
    assert await code(monkeypatch, pasted="pasted-code\n") == "pasted-code"


async def test_an_input_that_ends_where_nothing_else_can_come_is_told(monkeypatch):
    with pytest.raises(ConfigError, match="nobody is here to paste"):
        await code(monkeypatch, pasted="", uri=ELSEWHERE)


async def test_a_signal_ends_the_wait(monkeypatch):
    stop = Stop()
    stop.request(2)
    with pytest.raises(Stopped, match="SIGINT"):
        await code(monkeypatch, stop=stop, came="code")
