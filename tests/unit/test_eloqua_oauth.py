"""The token endpoint's requests and answers, read with all that may be wrong with them."""

import asyncio
import base64

import orjson
import pytest
from pydantic import SecretStr
from yarl import URL

from bulkseg.eloqua.login import code_in, code_of
from bulkseg.eloqua.oauth import (
    DOCUMENTED_LIFE,
    Denied,
    Granted,
    Unanswered,
    authorize_url,
    client_headers,
    code_form,
    grant_of,
    password_form,
    refresh_form,
    to_its_end,
)
from bulkseg.errors import SignInRefused
from bulkseg.model import Answer, NoAnswer
from tests.unit.aioresponse import oauth, site


def ok(**document: object) -> Answer:
    return Answer(200, orjson.dumps({"access_token": "a", "refresh_token": "r", **document}))


def denied(error: str, status: int = 400) -> Answer:
    return Answer(status, orjson.dumps({"error": error, "error_description": "why\nnot"}))


# --- Requests -------------------------------------------------------------------------------------------


def test_the_forms_are_what_eloqua_documents():
    client = oauth(redirect_uri="https://example.test/cb")
    both = {"scope": "full"}

    assert refresh_form(client, "r") == both | {
        "grant_type": "refresh_token",
        "refresh_token": "r",
        "redirect_uri": "https://example.test/cb",
    }
    assert password_form(site(password=SecretStr("p:w"))) == both | {
        "grant_type": "password",
        "username": "Sandbox\\demo",
        "password": "p:w",
    }
    assert code_form(client, "c") == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": "https://example.test/cb",
    }


def test_client_id_and_secret_go_as_basic_authentication():
    sent = client_headers(oauth(client_id="id", client_secret=SecretStr("s:c")))["Authorization"]

    assert base64.b64decode(sent.removeprefix("Basic ")) == b"id:s:c"


def test_the_address_to_open_has_the_state_and_the_callback_in_it():
    url = URL(authorize_url(site(), oauth(redirect_uri="http://127.0.0.1:1/x?"), "s t&"))

    assert url.path == "/auth/oauth2/authorize"
    assert url.query["state"] == "s t&"
    assert url.query["redirect_uri"] == "http://127.0.0.1:1/x?"
    assert (url.query["response_type"], url.query["scope"]) == ("code", "full")
    assert "secret" not in str(url)


# --- Answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("life", "good_for"),
    [
        (28_800, 28_500),
        ("28800", 28_500),
        (10, 9),
        (0.5, 0.45),
        (0, DOCUMENTED_LIFE - 300),
        (-5, DOCUMENTED_LIFE - 300),
        ("soon", DOCUMENTED_LIFE - 300),
        (None, DOCUMENTED_LIFE - 300),
        ([], DOCUMENTED_LIFE - 300),
        (1e999, DOCUMENTED_LIFE - 300),
    ],
)
def test_an_access_token_is_renewed_some_time_before_its_end(life: object, good_for: float):
    assert grant_of(ok(expires_in=life), 1_000.0) == Granted("a", "r", 1_000.0 + good_for)


@pytest.mark.parametrize(
    ("reply", "grant"),
    [
        (denied("invalid_grant"), Denied("invalid_grant: why not", grant=True)),
        (denied("invalid_client", 401), Denied("invalid_client: why not", grant=False)),
        (Answer(302, b""), None),
        (Answer(404, b"<html><title>No</title>"), None),
        (Answer(400, b"[]"), None),
    ],
)
def test_a_refusal_says_whether_it_is_about_what_was_granted(reply: Answer, grant: Denied | None):
    found = grant_of(reply, 0.0)

    assert isinstance(found, Denied)
    assert found == grant or not found.grant
    assert "\n" not in found.error


@pytest.mark.parametrize(
    ("reply", "spent"),
    [
        (NoAnswer(left=False, error="refused"), False),
        (NoAnswer(left=True, error="lost"), True),
        (Answer(429, b""), False),
        (Answer(500, b""), True),
        (Answer(503, b"<html>"), True),
        (Answer(408, b""), True),
        (Answer(204, b""), True),
        (Answer(200, b""), True),
        (Answer(200, b"<html>wifi"), True),
        (Answer(200, b'"Not authenticated."'), True),
        (Answer(200, ok().body, whole=False), True),
        (Answer(200, b'{"access_token": 5, "refresh_token": "r"}'), True),
        (Answer(200, b'{"access_token": "a\\r\\nX-Evil: 1", "refresh_token": "r"}'), True),
        (Answer(200, b'{"access_token": "", "refresh_token": "r"}'), True),
        (Answer(200, b'{"access_token": "a", "refresh_token": 7}'), True),
    ],
)
def test_what_brings_no_token_says_whether_the_old_one_may_be_spent(reply, spent):
    found = grant_of(reply, 0.0)

    assert isinstance(found, Unanswered)
    assert found.spent is spent


def test_a_token_shows_in_no_text():
    assert "secret-token" not in repr(grant_of(ok(access_token="secret-token"), 0.0))


# --- The code that comes back ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pasted",
    [
        "http://127.0.0.1:8765/callback?code=c%2B1&state=ours\n",
        "  https://example.test/cb?state=ours&code=c%2B1 ",
        "code=c%2B1&state=ours",
        "?code=c%2B1&state=ours",
        "c+1",
    ],
)
def test_a_code_may_be_pasted_with_or_without_its_address(pasted: str):
    assert code_of(pasted, "ours") == "c+1"


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("https://example.test/cb?code=c&state=theirs", "another sign-in"),
        ("https://example.test/cb?code=c", "another sign-in"),
        ("https://example.test/cb?error=access_denied&state=theirs", "another sign-in"),
        ("https://example.test/cb?error=access_denied&state=ours", "refused: access_denied"),
        ("https://example.test/cb?state=ours", "no code"),
        ("https://[::1", "no address"),
        ("", "no code"),
    ],
)
def test_what_is_not_our_code_is_refused(pasted: str, words: str):
    with pytest.raises(SignInRefused, match=words):
        code_of(pasted, "ours")


def test_the_state_is_compared_as_text_of_any_kind():
    with pytest.raises(SignInRefused, match="another sign-in"):
        code_in({"state": "ä", "code": "c"}, "ours")


# --- To its end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fails", [True, False])
async def test_a_request_goes_on_though_its_caller_is_cancelled(fails):
    answer = asyncio.Event()
    ended = []

    async def work() -> None:
        await answer.wait()
        ended.append(True)
        if fails:
            raise SignInRefused("no")

    waiting = asyncio.create_task(to_its_end(work()))
    for _ in range(3):  # however often
        await asyncio.sleep(0)
        waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    answer.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended == [True]
