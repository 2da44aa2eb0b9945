"""How an access token is kept alive: one renewal for all, each token spent once, the next on disk first."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import orjson
import pytest
from pydantic import SecretStr

from bulkseg.eloqua.auth import PASSWORD_GRANTS_APART, STOOD_STILL, TokenAuth
from bulkseg.eloqua.tokens import TokenFile
from bulkseg.errors import ConfigError, ServerGone, SignInRefused, StorageFull
from bulkseg.model import Answer, NoAnswer, Reply
from tests.unit.aioresponse import LOGIN, oauth, site
from tests.virtual import VirtualTime

NO_PASSWORD = site(password=SecretStr(""), company="", user="")
LOST, SILENT = NoAnswer(left=True, error="no answer in time"), NoAnswer(left=False, error="no connection")
SPENT = Answer(400, b'{"error": "invalid_grant", "error_description": "spent"}')
NO_CLIENT = Answer(401, b'{"error": "invalid_client"}')
LIFE = 1_000


@dataclass
class Server:
    """A token endpoint: what it answers first, and then tokens, numbered as they are given."""

    first: list[Reply] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    answering: Callable[[], None] = lambda: None
    hold: asyncio.Event | None = None

    async def request(self, method, url, headers, body=None) -> Reply:
        assert (method, str(url)) == ("POST", f"{LOGIN}/auth/oauth2/token")
        assert headers["Authorization"].startswith("Basic ")
        self.forms.append(orjson.loads(body))
        if self.hold is not None:
            await self.hold.wait()
        self.answering()
        if self.first:
            return self.first.pop(0)
        number = len(self.forms)
        granted = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}"}
        return Answer(200, orjson.dumps({**granted, "expires_in": LIFE}))

    @property
    def kinds(self):
        return [form["grant_type"] for form in self.forms]

    @property
    def spent(self):
        return [form["refresh_token"] for form in self.forms if "refresh_token" in form]


class Time(VirtualTime):
    """Waits a little in earnest too: another thread that writes a file has to come on meanwhile."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await asyncio.sleep(0.005)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def client(tmp_path):
    return oauth(refresh_token=SecretStr("seed"), token_file=tmp_path / "x.token")


def auth(server, client, time, where=NO_PASSWORD):
    return TokenAuth(where, client, server, time.clock())


async def shown(one):
    return (await one.headers())["Authorization"]


# --- One renewal for all --------------------------------------------------------------------------------


async def test_the_first_token_is_the_seeds_and_the_next_refresh_token_is_kept(client, time):
    server = Server()
    assert await shown(auth(server, client, time)) == "Bearer access-1"
    kept = TokenFile(client.token_file).read()
    assert (server.spent, kept.refresh, kept.access) == (["seed"], "refresh-1", "access-1")


async def test_however_many_find_out_there_is_one_refresh(client, time):
    server = Server(hold=asyncio.Event())
    one = auth(server, client, time)
    waiting = [asyncio.create_task(shown(one)) for _ in range(50)]
    while not server.forms:
        await asyncio.sleep(0.001)
    server.hold.set()
    assert set(await asyncio.gather(*waiting)) == {"Bearer access-1"}
    assert len(server.forms) == 1


async def test_it_is_renewed_before_its_end_and_not_sooner(client, time):
    server = Server()
    one = auth(server, client, time)
    first = await one.headers()
    time.now += LIFE - 101
    assert await one.headers() is first
    time.now += 2
    assert await shown(one) == "Bearer access-2"
    assert server.spent == ["seed", "refresh-1"]


async def test_the_next_run_uses_the_access_token_while_it_lives_and_then_the_rotated_one(client, time):
    server = Server()
    await auth(server, client, time).headers()
    tonight = auth(server, client, time)
    assert (await shown(tonight), tonight.new) == ("Bearer access-1", False)
    time.now += LIFE
    assert await shown(auth(server, client, time)) == "Bearer access-2"
    assert server.spent == ["seed", "refresh-1"]


async def test_the_refresh_token_is_on_disk_before_the_access_token_is_used(client, time, monkeypatch):
    server, one = Server(), None
    one = auth(server, client, time)
    write = TokenFile.write

    def seen(file, tokens):
        assert one._headers == {}
        write(file, tokens)

    monkeypatch.setattr(TokenFile, "write", seen)
    await one.headers()


async def test_what_was_refused_is_renewed_though_it_should_be_good(client, time):
    server = Server()
    one = auth(server, client, time)
    await one.headers()
    assert await one.renew()
    assert (await shown(one), one.new) == ("Bearer access-2", True)


async def test_an_answer_without_a_refresh_token_leaves_the_old_one(client, time):
    server = Server([Answer(200, b'{"access_token": "a", "expires_in": 100}')])
    await auth(server, client, time).headers()
    assert TokenFile(client.token_file).read().refresh == "seed"


# --- Two processes that share a file --------------------------------------------------------------------


async def test_two_processes_do_not_spend_each_others_token(client, time):
    server = Server()
    ours, theirs = auth(server, client, time), auth(server, client, time)
    assert await asyncio.gather(shown(ours), shown(theirs)) == ["Bearer access-1"] * 2
    time.now += LIFE
    assert await asyncio.gather(shown(theirs), shown(ours)) == ["Bearer access-2"] * 2
    assert server.spent == ["seed", "refresh-1"]


async def test_what_another_process_got_meanwhile_is_taken_instead_of_a_grant(client, time):
    server = Server()
    ours, theirs = auth(server, client, time), auth(server, client, time)
    await ours.headers()
    await theirs.headers()
    assert await ours.renew()
    assert await theirs.renew()
    assert await shown(theirs) == "Bearer access-2"
    assert len(server.forms) == 2


# --- Answers that are lost ------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [LOST, SILENT, Answer(503, b""), Answer(200, b"<html>")])
async def test_a_lost_answer_is_asked_for_once_more_with_the_old_token(client, time, lost):
    server = Server([lost])
    assert await shown(auth(server, client, time)) == "Bearer access-2"
    assert server.spent == ["seed", "seed"]
    assert time.now > 1_000.0


@pytest.mark.parametrize("answers", [[LOST, SPENT], [LOST, LOST], [LOST, SILENT], [SPENT]])
async def test_then_the_password_does_where_there_is_one(client, time, answers):
    server = Server(list(answers))
    assert (await shown(auth(server, client, time, site()))).startswith("Bearer access-")
    assert server.kinds == ["refresh_token"] * len(answers) + ["password"]
    assert TokenFile(client.token_file).read().refresh == f"refresh-{len(answers) + 1}"


@pytest.mark.parametrize("answers", [[LOST, SPENT], [LOST, LOST], [SPENT]])
async def test_and_without_one_the_run_stops_and_names_the_way_back(client, time, answers):
    server = Server(list(answers))
    with pytest.raises(SignInRefused, match="bulkseg login") as refused:
        await auth(server, client, time).headers()
    assert len(server.forms) == len(answers)
    assert "seed" not in str(refused.value)


async def test_a_server_that_is_not_there_is_no_refusal(client, time):
    server = Server([SILENT, SILENT])
    with pytest.raises(ServerGone, match="no connection; try again later"):
        await auth(server, client, time, site()).headers()
    assert TokenFile(client.token_file).read().refresh == "seed"


async def test_a_server_that_was_away_is_asked_again_by_whoever_comes_later(client, time):
    server = Server([SILENT, SILENT])
    one = auth(server, client, time)
    with pytest.raises(ServerGone):
        await one.headers()
    assert await shown(one) == "Bearer access-3"
    assert server.spent == ["seed"] * 3


async def test_the_way_back_to_a_named_site_names_it(client, time):
    with pytest.raises(SignInRefused, match="`bulkseg login --site acme`"):
        await auth(Server([SPENT]), client, time, replace(NO_PASSWORD, name="acme")).headers()


async def test_a_client_that_is_not_known_is_told_at_once(client, time):
    server = Server([NO_CLIENT])
    with pytest.raises(SignInRefused, match="client id and client secret"):
        await auth(server, client, time, site()).headers()
    assert server.kinds == ["refresh_token"]


async def test_after_a_renewal_that_failed_nothing_is_asked_again(client, time):
    server = Server([SPENT])
    one = auth(server, client, time)
    for _ in range(3):
        with pytest.raises(SignInRefused):
            await one.headers()
    assert len(server.forms) == 1


async def test_a_given_token_that_does_not_do_leaves_the_good_one_in_the_file(client, time):
    server = Server()
    await auth(server, client, time).headers()
    mistyped = replace(client, refresh_token=SecretStr("mistyped"))
    server.first = [SPENT]
    with pytest.raises(SignInRefused):
        await auth(server, mistyped, time).headers()
    assert await shown(auth(server, client, time)) == "Bearer access-1"


async def test_a_cancelled_caller_does_not_cancel_the_request(client, time):
    server = Server(hold=asyncio.Event())
    waiting = asyncio.create_task(shown(auth(server, client, time)))
    while not server.forms:
        await asyncio.sleep(0.001)
    waiting.cancel()
    await asyncio.sleep(0)
    server.hold.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert TokenFile(client.token_file).read().refresh == "refresh-1"


async def test_a_token_is_not_spent_where_the_next_one_cannot_be_kept(client, time, monkeypatch):
    server = Server()

    def full(*_):
        raise StorageFull("the disk is full")

    monkeypatch.setattr(TokenFile, "write", full)
    with pytest.raises(StorageFull):
        await auth(server, client, time).headers()
    assert server.forms == []


async def test_in_the_middle_of_a_run_a_file_that_became_anothers_stops_it(client, time):
    server = Server()
    one = auth(server, client, time)
    await one.headers()
    file = TokenFile(client.token_file)
    file.write(replace(file.read(), client_id="other"))
    with pytest.raises(ConfigError):
        await auth(server, client, time).headers()
    with pytest.raises(SignInRefused, match="was made for client other"):
        await one.renew()


async def test_who_stood_still_makes_sure_anew_before_a_token_leaves(client, time, monkeypatch):
    server, ready, stood = Server(), TokenFile.ready, [STOOD_STILL, 0.0]

    def slow(file, tokens):
        assert not server.forms
        ready(file, tokens)
        time.now += stood.pop(0)

    monkeypatch.setattr(TokenFile, "ready", slow)
    assert await shown(auth(server, client, time)) == "Bearer access-1"
    assert (stood, server.spent) == ([], ["seed"])


# --- Passwords ------------------------------------------------------------------------------------------


async def test_without_a_refresh_token_the_password_does(client, time):
    server = Server()
    by_password = replace(client, refresh_token=None)
    assert await shown(auth(server, by_password, time, site())) == "Bearer access-1"
    time.now += LIFE
    await auth(server, by_password, time, site()).headers()
    assert server.kinds == ["password", "refresh_token"]


async def test_there_is_at_most_one_password_grant_a_minute_whichever_process_asks(client, time):
    by_password = replace(client, refresh_token=None)
    asked_at = []
    server = Server([SPENT], answering=lambda: asked_at.append(time.now))
    with pytest.raises(SignInRefused, match="check company, user, password"):
        await auth(server, by_password, time, site()).headers()
    time.now += 10
    await auth(server, by_password, time, site()).headers()
    assert asked_at[1] - asked_at[0] >= PASSWORD_GRANTS_APART


async def test_a_password_that_is_refused_is_tried_once(client, time):
    server = Server([SPENT])
    one = auth(server, replace(client, refresh_token=None), time, site())
    for _ in range(2):
        with pytest.raises(SignInRefused):
            await one.headers()
    assert server.kinds == ["password"]


async def test_a_password_grant_without_an_answer_is_not_repeated(client, time):
    server = Server([LOST])
    with pytest.raises(ServerGone):
        await auth(server, replace(client, refresh_token=None), time, site()).headers()
    assert server.kinds == ["password"]
