"""`bulkseg login`: a browser that comes back to a port, or an address that somebody pastes."""

import asyncio
import json
import subprocess
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, build_opener

import pytest

from tests.integration.commands import COMMAND, Ended, environment
from tests.integration.signing_in import everything, place, shows
from tests.integration.wire import unused_port


class _Stays(HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def browse(url):
    """Where a browser ends that agrees: follows the redirect to its end, and gives what is shown there."""
    with build_opener().open(url, timeout=10) as answer:
        return answer.read().decode()


def sent_to(url):
    """The address that a browser is sent to, and cannot reach."""
    try:
        build_opener(_Stays()).open(url, timeout=10)
    except HTTPError as error:
        with error:
            return error.headers["Location"]
    raise AssertionError(url)


class Login:
    """The command, and the address that it shows."""

    def __init__(self, there, redirect_uri, **more):
        site = {**there.by_token, "ELOQUA_REFRESH_TOKEN": "", "ELOQUA_REDIRECT_URI": redirect_uri, **more}
        self.site = site
        self._process = subprocess.Popen(
            [*COMMAND, "login"],
            cwd=there.folder,
            env=environment(site),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._said = ""
        while "unless it comes by itself" not in self._said:
            line = self._process.stderr.readline()
            assert line, self._said
            self._said += line
        self.url = next(line for line in self._said.splitlines() if line.startswith("http"))

    def end(self, pasted=None):
        out, err = self._process.communicate(pasted, timeout=30)
        return Ended(self._process.returncode, out, self._said + err)

    def signal(self, number):
        self._process.send_signal(number)


async def test_the_browser_comes_back_to_a_port_and_the_next_run_is_signed_in(tmp_path):
    async with place(tmp_path) as there:
        login = await asyncio.to_thread(Login, there, f"http://127.0.0.1:{unused_port()}/callback")
        assert "can be closed" in await asyncio.to_thread(browse, login.url)
        ended = await asyncio.to_thread(login.end)
        assert (ended.status, "Sandbox (id 1000)" in ended.out) == (0, True)
        assert there.token_file.exists()
        assert (await there.run("whoami", site=login.site)).status == 0
        assert there.sandbox.oauth.asked == ["authorization_code"]
        there.let_a_night_pass()
        assert (await there.run("whoami", site=login.site)).status == 0
        assert there.sandbox.oauth.asked == ["authorization_code", "refresh_token"]


async def test_an_address_may_be_pasted_where_the_callback_leads_elsewhere(tmp_path):
    async with place(tmp_path) as there:
        login = await asyncio.to_thread(Login, there, "https://app.example.test/callback")
        back = await asyncio.to_thread(sent_to, login.url)
        assert back.startswith("https://app.example.test/callback?code=")
        ended = await asyncio.to_thread(login.end, f"\n{back}\n")
        assert ended.status == 0
        kept = json.loads(there.token_file.read_bytes())
        assert kept["refresh"] == there.sandbox.oauth.refresh_token
        looked_at = everything(tmp_path, ended, but=("kept.token",))
        for secret in (kept["refresh"], kept["access"], "sandbox-secret"):
            assert [name for name, content in looked_at.items() if shows(content, secret)] == []


async def test_what_comes_with_another_state_is_turned_away_and_waited_on(tmp_path):
    async with place(tmp_path) as there:
        uri = f"http://127.0.0.1:{unused_port()}/callback"
        login = await asyncio.to_thread(Login, there, uri)
        with pytest.raises(HTTPError) as turned_away:
            await asyncio.to_thread(browse, f"{uri}?code=theirs&state=theirs")
        turned_away.value.close()
        await asyncio.to_thread(browse, login.url)
        assert (await asyncio.to_thread(login.end)).status == 0
        assert there.sandbox.oauth.asked == ["authorization_code"]


@pytest.mark.parametrize(
    ("pasted", "words", "grants"),
    [
        ("https://app.example.test/callback?code=c&state=theirs\n", "another sign-in", []),
        ("not-a-code\n", "invalid_grant", ["authorization_code"]),
        ("", "nobody is here to paste", []),
    ],
)
async def test_what_is_pasted_and_does_not_do_ends_with_words(tmp_path, pasted, words, grants):
    async with place(tmp_path) as there:
        login = await asyncio.to_thread(Login, there, "https://app.example.test/callback")
        ended = await asyncio.to_thread(login.end, pasted)
        assert (ended.status, words in ended.err) == (3 if pasted else 2, True)
        assert there.sandbox.oauth.asked == grants
        assert not there.token_file.exists()


async def test_somebody_who_says_no_is_told_so(tmp_path):
    async with place(tmp_path) as there:
        uri = f"http://127.0.0.1:{unused_port()}/callback"
        login = await asyncio.to_thread(Login, there, uri)
        state = login.url.rpartition("state=")[2]
        await asyncio.to_thread(browse, f"{uri}?error=access_denied&state={state}")
        ended = await asyncio.to_thread(login.end)
        assert (ended.status, "access_denied" in ended.err) == (3, True)


async def test_ctrl_c_ends_the_wait(tmp_path):
    async with place(tmp_path) as there:
        login = await asyncio.to_thread(Login, there, f"http://127.0.0.1:{unused_port()}/callback")
        login.signal(2)
        assert (await asyncio.to_thread(login.end)).status == 130


async def test_a_port_that_is_taken_leaves_the_pasting(tmp_path):
    async with place(tmp_path) as there:
        taken = there.sandbox.url + "/callback"
        login = await asyncio.to_thread(Login, there, taken)
        back = await asyncio.to_thread(sent_to, login.url)
        ended = await asyncio.to_thread(login.end, f"{back}\n")
        assert (ended.status, "cannot be waited at" in ended.err) == (0, True)


async def test_a_login_mends_what_cannot_be_read_any_more(tmp_path):
    async with place(tmp_path) as there:
        there.token_file.write_text("damaged")
        login = await asyncio.to_thread(Login, there, "https://app.example.test/callback")
        back = await asyncio.to_thread(sent_to, login.url)
        assert (await asyncio.to_thread(login.end, f"{back}\n")).status == 0


async def test_login_without_a_client_says_what_it_takes(tmp_path):
    async with place(tmp_path) as there:
        ended = await there.run("login", site=there.by_password)
        assert (ended.status, "ELOQUA_CLIENT_ID and ELOQUA_CLIENT_SECRET" in ended.err) == (2, True)
