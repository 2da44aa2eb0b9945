import asyncio
import base64
from collections.abc import AsyncIterator, Iterator

import pytest
from yarl import URL

from bulkseg.eloqua.client import Eloqua, connect
from bulkseg.eloqua.search import by_name, quote
from bulkseg.errors import ServerGone, SignInRefused
from bulkseg.model import Action, Answer, NoAnswer, Reply, Spec
from tests.unit.aioresponse import API, BASE, LOGIN, Server, site

OTHER = "https://p07.example.test"
IDENTITY = {
    "site": {"id": 77, "name": "Acme"},
    "user": {"id": 12, "username": "demo"},
    "urls": {"base": BASE, "apis": {"rest": {"standard": f"{BASE}/API/REST/{{version}}/"}}},
}
MOVED = {**IDENTITY, "urls": {"apis": {"rest": {"standard": f"{OTHER}/API/REST/{{version}}/"}}}}
ELSEWHERE = {**MOVED, "site": {"id": 78, "name": "Another"}}


def spec(action: Action = Action.CREATE, source_id: str = "") -> Spec:
    return Spec('["t","a"]', "t", action, "a", "a", source_id, b'{"name":"\xc3\xa4"}', "h", "s.csv", 2)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as found:
        yield found


@pytest.fixture
async def eloqua(server: Server) -> AsyncIterator[Eloqua]:  # noqa: ARG001  # it has to stand in first
    """Signed in, with a base URL that was given."""
    async with connect(site(), timeout=5, concurrency=2) as client:
        await client.sign_in()
        yield client


@pytest.fixture
async def discovered(server: Server) -> AsyncIterator[Eloqua]:
    """Signed in by asking the login address."""
    server.get(f"{LOGIN}/id", payload=IDENTITY)
    async with connect(site(base_url=None), timeout=5, concurrency=2) as client:
        await client.sign_in()
        yield client


async def test_a_create_posts_the_bytes_of_the_spec_as_they_are(server: Server, eloqua: Eloqua):
    server.post(f"{API}/segment", status=201, body=b'{"id":"5"}')

    reply = await eloqua.send(spec())

    assert reply == Answer(201, b'{"id":"5"}')
    call = server.call("POST", f"{API}/segment")
    assert call["data"] == b'{"name":"\xc3\xa4"}'
    assert call["headers"]["Content-Type"] == "application/json"
    assert call["allow_redirects"] is False


async def test_a_copy_posts_to_the_source(server: Server, eloqua: Eloqua):
    server.post(f"{API}/segment/42/copy", status=201, body=b"{}")

    reply = await eloqua.send(spec(Action.COPY, "42"))

    assert isinstance(reply, Answer)
    assert server.call("POST", f"{API}/segment/42/copy")["data"] == spec().body


async def test_an_id_cannot_lead_to_another_address(server: Server, eloqua: Eloqua):
    await eloqua.delete("../folder/1?x")

    ((_, url),) = server.asked
    assert url == f"{API}/segment/..%2Ffolder%2F1%3Fx"


async def test_every_request_carries_company_user_and_password(server: Server, eloqua: Eloqua):
    server.get(f"{API}/segment/5?depth=minimal", payload={})

    await eloqua.get("5", depth="minimal")

    sent = server.call("GET", f"{API}/segment/5?depth=minimal")["headers"]["Authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"Sandbox\\demo:demo"


async def test_a_segment_is_read_in_full_unless_told_otherwise(server: Server, eloqua: Eloqua):
    server.get(f"{API}/segment/5?depth=complete", payload={"id": "5"})

    reply = await eloqua.get("5")

    assert isinstance(reply, Answer)
    assert reply.status == 200


async def test_a_list_asks_for_what_it_is_told_and_nothing_else(server: Server, eloqua: Eloqua):
    await eloqua.list(page=3, count=500, order_by="id ASC", last_updated_at=1_700_000_000)
    await eloqua.list()

    assert [dict(URL(url).query) for _, url in server.asked] == [
        {
            "depth": "minimal",
            "count": "500",
            "page": "3",
            "orderBy": "id ASC",
            "lastUpdatedAt": "1700000000",
        },
        {"depth": "minimal", "count": "1000", "page": "1"},
    ]


@pytest.mark.parametrize("name", ["O'Brien", "50% & more = 1+1?", "ä 日本 #x", "a\\b/c;d", "''"])
async def test_a_search_by_name_arrives_as_it_was_meant(server: Server, eloqua: Eloqua, name: str):
    await eloqua.search(name)

    ((_, url),) = server.asked
    assert URL(url).query["search"] == by_name(name)


def test_a_quote_in_a_searched_value_is_doubled():
    assert quote("O'Brien") == "'O''Brien'"
    assert by_name("x'") == "name='x'''"


async def test_a_search_is_percent_encoded_to_the_last_reserved_character(eloqua: Eloqua):
    asked: list[URL] = []

    async def request(_method: str, url: URL, *_: object) -> Reply:
        asked.append(url)
        return NoAnswer(left=False, error="")

    eloqua._transport.request = request  # type: ignore[method-assign]  # to see the address unparsed
    await eloqua.search("a'b+c &=*ä")

    assert "search=name%3D%27a%27%27b%2Bc%20%26%3D%2A%C3%A4%27&" in str(asked[0])


async def test_a_delete_and_the_folders_go_to_their_addresses(server: Server, eloqua: Eloqua):
    server.delete(f"{API}/segment/9")
    server.post(f"{API}/segment/folder", status=201, payload={})
    server.get(f"{API}/segment/folders?depth=complete&count=1000&page=1", payload={})
    server.get(f"{API}/segment/folder/root", payload={})

    replies = [await eloqua.delete("9"), await eloqua.create_folder('a "b"', "1")]
    replies += [await eloqua.list_folders(), await eloqua.root_folder()]

    assert [reply.status for reply in replies if isinstance(reply, Answer)] == [200, 201, 200, 200]
    data = server.call("POST", f"{API}/segment/folder")["data"]
    assert data == b'{"name":"a \\"b\\"","folderId":"1"}'


async def test_the_request_id_and_the_pause_are_kept_on_errors_too(server: Server, eloqua: Eloqua):
    headers = {"X-Request-Id": "r-1", "Retry-After": "7", "Date": "Mon, 01 Jan 2024 00:00:00 GMT"}
    server.post(f"{API}/segment", status=429, body=b"slow down", headers=headers)

    reply = await eloqua.send(spec())

    assert reply == Answer(
        429, b"slow down", whole=True, retry_after=7.0, request_id="r-1", date=headers["Date"]
    )


async def test_an_exception_becomes_a_reply(server: Server, eloqua: Eloqua):
    server.post(f"{API}/segment", exception=ConnectionResetError(104, "Connection reset by peer"))

    reply = await eloqua.send(spec())

    assert reply == NoAnswer(left=True, error="the connection broke: Connection reset by peer")


async def test_an_error_that_nobody_foresaw_leaves_the_request_in_doubt(server: Server, eloqua: Eloqua):
    server.post(f"{API}/segment", exception=KeyError("what"))

    reply = await eloqua.send(spec())

    assert reply == NoAnswer(left=True, error="the request broke off: KeyError: 'what'")


async def test_nothing_can_be_sent_before_signing_in():
    async with connect(site(base_url=None), timeout=5, concurrency=1) as client:
        with pytest.raises(RuntimeError, match="sign_in comes before"):
            await client.send(spec())


# --- Sign-in --------------------------------------------------------------------------------------------


async def test_a_given_base_url_is_not_asked_for(server: Server, eloqua: Eloqua):
    identity = await eloqua.sign_in()

    assert (identity.site_id, identity.binding, identity.user_name) == (None, BASE, "demo")
    server.assert_not_called()


async def test_the_login_address_is_asked_once(server: Server, discovered: Eloqua):
    first, second = await discovered.sign_in(), await discovered.sign_in()

    assert first is second
    assert (first.site_id, first.binding, first.user_id, first.base_url) == ("77", "77", "12", BASE)
    assert server.asked == [("GET", f"{LOGIN}/id")]
    assert "Authorization" in server.call("GET", f"{LOGIN}/id")["headers"]


@pytest.mark.parametrize("status", [401, 301, 302])
async def test_a_site_that_has_moved_is_followed(server: Server, discovered: Eloqua, status: int):
    server.post(f"{API}/segment", status=status)
    server.get(f"{LOGIN}/id", payload=MOVED)
    server.post(f"{OTHER}/api/REST/2.0/assets/contact/segment", status=201)

    await discovered.send(spec())
    assert await discovered.rediscover()
    reply = await discovered.send(spec())

    assert isinstance(reply, Answer)
    assert reply.status == 201
    assert (await discovered.sign_in()).base_url == OTHER


async def test_requests_that_the_old_address_refused_ask_only_once_for_the_new_one(
    server: Server, discovered: Eloqua
):
    server.post(f"{API}/segment", status=401, repeat=True)
    server.get(f"{LOGIN}/id", payload=MOVED)
    for _ in range(3):
        await discovered.send(spec())

    assert [await discovered.rediscover() for _ in range(3)] == [True, True, True]
    assert server.asked.count(("GET", f"{LOGIN}/id")) == 2


async def test_a_refusal_where_the_site_still_is_says_the_three_reasons(server: Server, discovered: Eloqua):
    server.post(f"{API}/segment", status=401)
    server.get(f"{LOGIN}/id", payload=IDENTITY)
    await discovered.send(spec())

    with pytest.raises(SignInRefused, match=r"allow list.*disabled.*moved") as refused:
        await discovered.rediscover()

    assert "demo:" not in str(refused.value)


async def test_a_site_that_moves_twice_is_not_followed_again(server: Server, discovered: Eloqua):
    server.post(f"{API}/segment", status=401)
    server.get(f"{LOGIN}/id", payload=MOVED)
    server.post(f"{OTHER}/api/REST/2.0/assets/contact/segment", status=401)
    await discovered.send(spec())
    await discovered.rediscover()
    await discovered.send(spec())

    with pytest.raises(SignInRefused):
        await discovered.rediscover()

    assert server.asked.count(("GET", f"{LOGIN}/id")) == 2


async def test_a_login_that_leads_to_another_site_is_not_followed(server: Server, discovered: Eloqua):
    server.post(f"{API}/segment", status=401)
    server.get(f"{LOGIN}/id", payload=ELSEWHERE)
    await discovered.send(spec())

    with pytest.raises(SignInRefused, match="another site now: Another"):
        await discovered.rediscover()


async def test_a_login_that_is_away_when_the_site_has_moved_is_asked_again(
    server: Server, discovered: Eloqua
):
    server.post(f"{API}/segment", status=401)
    server.get(f"{LOGIN}/id", status=503)
    server.get(f"{LOGIN}/id", payload=MOVED)
    await discovered.send(spec())

    with pytest.raises(ServerGone):
        await discovered.rediscover()

    assert await discovered.rediscover()
    assert (await discovered.sign_in()).base_url == OTHER


async def test_what_is_no_eloqua_any_more_in_the_middle_of_a_run_stops_it(server: Server, discovered: Eloqua):
    server.post(f"{API}/segment", status=401)
    server.get(f"{LOGIN}/id", body=b"<html>this network wants your password</html>")
    await discovered.send(spec())

    with pytest.raises(SignInRefused, match="not Eloqua's"):
        await discovered.rediscover()


async def test_a_refusal_at_a_given_base_url_ends_the_run(server: Server, eloqua: Eloqua):
    server.post(f"{API}/segment", status=401)
    await eloqua.send(spec())

    with pytest.raises(SignInRefused):
        await eloqua.rediscover()

    assert server.asked == [("POST", f"{API}/segment")]


async def test_a_refusal_that_comes_from_the_old_address_after_the_move_does_not_end_the_run(
    server: Server, discovered: Eloqua
):
    moved = asyncio.Event()

    async def late(_url: URL, **_: object) -> None:
        await moved.wait()

    server.post(f"{API}/segment", status=401, callback=late)
    server.get(f"{API}/segment/5?depth=complete", status=401)
    server.get(f"{LOGIN}/id", payload=MOVED)
    in_flight = asyncio.create_task(discovered.send(spec()))
    await asyncio.sleep(0)  # lets it leave
    await discovered.get("5")
    await discovered.rediscover()
    moved.set()

    assert await in_flight == Answer(401, b"")
    assert await discovered.rediscover()
    assert server.asked.count(("GET", f"{LOGIN}/id")) == 2


# --- Access tokens --------------------------------------------------------------------------------------


class Tokens:
    """A way to sign in whose token can be renewed, unless its server is away; `renewed` counts how often."""

    def __init__(self) -> None:
        self.new = False
        self.renewed = 0
        self.away = False
        self._headers = {"Authorization": "Bearer 0"}

    async def headers(self) -> dict[str, str]:
        if self.away:
            raise ServerGone("nobody at the token endpoint")
        return self._headers

    async def renew(self) -> bool:
        self.new = True
        self.renewed += 1
        self._headers = {"Authorization": f"Bearer {self.renewed}"}
        return True


@pytest.fixture
async def by_token(discovered: Eloqua) -> tuple[Eloqua, Tokens]:
    """Signed in with a token that an earlier run got."""
    tokens = Tokens()
    discovered._auth = tokens
    return discovered, tokens


async def test_without_an_access_token_for_now_nothing_has_left(by_token: tuple[Eloqua, Tokens]):
    eloqua, tokens = by_token
    tokens.away = True
    assert await eloqua.send(spec()) == NoAnswer(left=False, error="nobody at the token endpoint")


async def test_a_refused_token_is_renewed_before_anything_else_is_asked(
    server: Server, by_token: tuple[Eloqua, Tokens]
):
    eloqua, tokens = by_token
    server.post(f"{API}/segment", status=401)
    server.post(f"{API}/segment", status=201)

    await eloqua.send(spec())
    assert await eloqua.rediscover()
    await eloqua.send(spec())

    assert tokens.renewed == 1
    assert server.asked.count(("GET", f"{LOGIN}/id")) == 1
    sent = [
        call.kwargs["headers"]["Authorization"] for call in server.requests["POST", URL(f"{API}/segment")]
    ]
    assert sent == ["Bearer 0", "Bearer 1"]


async def test_a_new_token_that_is_refused_too_is_not_renewed_but_the_site_looked_for(
    server: Server, by_token: tuple[Eloqua, Tokens]
):
    eloqua, tokens = by_token
    server.post(f"{API}/segment", status=401, repeat=True)
    server.get(f"{API}/segment/5?depth=complete", status=200, repeat=True)
    server.get(f"{LOGIN}/id", payload=IDENTITY)

    await eloqua.send(spec())
    await eloqua.rediscover()
    await eloqua.get("5")  # reading is allowed, so the token is good: it would go on like this for ever
    await eloqua.send(spec())
    with pytest.raises(SignInRefused, match="allow list"):
        await eloqua.rediscover()

    assert tokens.renewed == 1


async def test_a_token_that_was_let_in_and_is_refused_later_is_renewed_again(
    server: Server, by_token: tuple[Eloqua, Tokens]
):
    eloqua, tokens = by_token
    for status in (401, 201, 401, 201):
        server.post(f"{API}/segment", status=status)

    for _ in range(2):
        await eloqua.send(spec())
        await eloqua.rediscover()
        await eloqua.send(spec())

    assert tokens.renewed == 2


async def test_a_refusal_of_the_old_token_that_comes_late_renews_nothing(
    server: Server, by_token: tuple[Eloqua, Tokens]
):
    eloqua, tokens = by_token
    answer = asyncio.Event()

    async def late(_url: URL, **_: object) -> None:
        await answer.wait()

    server.post(f"{API}/segment", status=401, callback=late)
    server.get(f"{API}/segment/5?depth=complete", status=401)
    in_flight = asyncio.create_task(eloqua.send(spec()))
    await asyncio.sleep(0)  # lets it leave
    await eloqua.get("5")
    await eloqua.rediscover()
    answer.set()

    assert await in_flight == Answer(401, b"")
    assert await eloqua.rediscover()
    assert tokens.renewed == 1
