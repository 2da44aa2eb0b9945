"""The sandbox's OAuth 2.0: what is good once, what comes to an end, and what is refused."""

from base64 import b64encode

import orjson
import pytest
from yarl import URL

from bulkseg.clock import Clock
from bulkseg.sandbox.gate import Gate
from bulkseg.sandbox.oauth import OAuth
from bulkseg.sandbox.rejections import Rejection
from bulkseg.sandbox.settings import Settings

CLIENT = "Basic " + b64encode(b"sandbox-client:sandbox-secret").decode()
PASSWORD = {"grant_type": "password", "username": "Sandbox\\demo", "password": "demo"}


class Time:
    def __init__(self):
        self.now = 0.0
        self.clock = Clock(now=lambda: self.now, monotonic=lambda: self.now)


@pytest.fixture
def time():
    return Time()


def ask(oauth, client=CLIENT, **form):
    return oauth.grant(client, orjson.dumps(form), "application/json")


def refused(oauth, client=CLIENT, **form):
    with pytest.raises(Rejection) as rejection:
        ask(oauth, client, **form)
    return rejection.value.status, rejection.value.errors["error"]


def test_a_refresh_token_is_good_once(time):
    oauth = OAuth(Settings(), time.clock)
    first = oauth.refresh_token
    given = ask(oauth, grant_type="refresh_token", refresh_token=first)
    assert given["refresh_token"] == oauth.refresh_token != first
    assert refused(oauth, grant_type="refresh_token", refresh_token=first) == (400, "invalid_grant")
    assert ask(oauth, grant_type="refresh_token", refresh_token=given["refresh_token"])


def test_a_form_does_as_well_as_json(time):
    oauth = OAuth(Settings(), time.clock)
    body = f"grant_type=refresh_token&refresh_token={oauth.refresh_token}".encode()
    assert oauth.grant(CLIENT, body, "application/x-www-form-urlencoded")["access_token"]


@pytest.mark.parametrize(
    ("client", "form", "answer"),
    [
        ("Basic eDp5", PASSWORD, (401, "invalid_client")),
        ("", PASSWORD, (401, "invalid_client")),
        (CLIENT, {**PASSWORD, "password": "x"}, (400, "invalid_grant")),
        (CLIENT, {"grant_type": "client_credentials"}, (400, "unsupported_grant_type")),
        (CLIENT, {}, (400, "unsupported_grant_type")),
        (CLIENT, {"grant_type": "refresh_token"}, (400, "invalid_grant")),
        (CLIENT, {"grant_type": "authorization_code", "code": "x"}, (400, "invalid_grant")),
    ],
)
def test_what_does_not_do_is_refused_in_oauths_words(time, client, form, answer):
    assert refused(OAuth(Settings(), time.clock), client, **form) == answer


def test_a_body_that_is_no_json_is_refused(time):
    with pytest.raises(Rejection):
        OAuth(Settings(), time.clock).grant(CLIENT, b"[", "application/json")


def test_there_is_one_password_grant_a_minute(time):
    oauth = OAuth(Settings(), time.clock)
    assert ask(oauth, **PASSWORD)
    time.now = 59
    assert refused(oauth, **PASSWORD) == (429, "slow_down")
    time.now = 60
    assert ask(oauth, **PASSWORD)


def test_a_code_is_good_once_and_for_the_callback_that_it_was_made_for(time):
    oauth = OAuth(Settings(), time.clock)
    query = {
        "client_id": "sandbox-client",
        "response_type": "code",
        "redirect_uri": "http://x/",
        "state": "s&",
    }
    back = [URL(oauth.authorize(query)) for _ in range(2)]
    assert back[0].query["state"] == "s&"
    code = {"grant_type": "authorization_code", "code": back[0].query["code"]}
    assert ask(oauth, redirect_uri="http://x/", **code)
    assert refused(oauth, redirect_uri="http://x/", **code)[1] == "invalid_grant"
    other = {"grant_type": "authorization_code", "code": back[1].query["code"], "redirect_uri": "http://y/"}
    assert refused(oauth, **other)[1] == "invalid_grant"


@pytest.mark.parametrize("without", ["client_id", "response_type", "redirect_uri"])
def test_a_code_is_not_given_to_just_anybody(time, without):
    query = {"client_id": "sandbox-client", "response_type": "code", "redirect_uri": "http://x/"}
    with pytest.raises(Rejection):
        OAuth(Settings(), time.clock).authorize({**query, without: ""})


# --- At the gate ----------------------------------------------------------------------------------------


def gate_and_token(time, **settings):
    chosen = Settings(**settings)
    oauth = OAuth(chosen, time.clock)
    token = ask(oauth, grant_type="refresh_token", refresh_token=oauth.refresh_token)["access_token"]
    return Gate(chosen, time.clock, oauth), f"Bearer {token}"


def statuses(gate, header, count, base=""):
    found = []
    for _ in range(count):
        try:
            gate.pass_through(header, making=False, base=base)
        except Rejection as rejection:
            found.append(rejection.status)
        else:
            found.append(200)
    return found


def test_an_access_token_lets_in_until_its_end(time):
    gate, header = gate_and_token(time, token_life=10)
    assert statuses(gate, header, 2) == [200, 200]
    time.now = 10
    assert statuses(gate, header, 1) == [401]


def test_an_access_token_may_come_to_its_end_after_so_many_requests(time):
    gate, header = gate_and_token(time, token_uses=2)
    assert gate.knows(header)  # as `/id` asks, which does not count
    assert statuses(gate, header, 3) == [200, 200, 401]


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "bearer ", ""])
def test_no_other_token_lets_in(time, header):
    assert not Gate(Settings(), time.clock, OAuth(Settings(), time.clock)).knows(header)


def test_a_site_may_move_in_the_middle(time):
    gate, header = gate_and_token(time, move_after=2)
    assert statuses(gate, header, 1, base="/moved") == [401]
    assert statuses(gate, header, 3) == [200, 200, 401]
    assert gate.base == "/moved"
    assert statuses(gate, header, 2, base="/moved") == [200, 200]


def test_a_site_may_let_nobody_in_any_more(time):
    gate, header = gate_and_token(time, lock_after=1)
    assert statuses(gate, header, 2) == [200, 401]
    assert gate.knows(header)
