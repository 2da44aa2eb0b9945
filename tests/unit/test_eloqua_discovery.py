import orjson
import pytest

from bulkseg.eloqua.discovery import identity_of
from bulkseg.errors import BulksegError, ConfigError, ServerGone, SignInRefused
from bulkseg.model import Answer, NoAnswer, Reply
from tests.unit.aioresponse import BASE, site


def found(standard: object = f"{BASE}/API/REST/{{version}}/", **more: object) -> dict[str, object]:
    return {
        "site": {"id": 77, "name": "Acme"},
        "user": {"id": 12, "username": "Demo.User"},
        "urls": {"base": BASE, "apis": {"rest": {"standard": standard}}},
        **more,
    }


def answer(document: object, status: int = 200) -> Answer:
    return Answer(status, orjson.dumps(document))


def test_the_answer_says_who_and_where_we_are():
    identity = identity_of(site(), answer(found()))

    assert (identity.site_id, identity.site_name) == ("77", "Acme")
    assert (identity.user_id, identity.user_name) == ("12", "Demo.User")
    assert identity.base_url == BASE
    assert identity.binding == "77"


@pytest.mark.parametrize(
    ("standard", "base"),
    [
        (f"{BASE}/API/REST/{{version}}/", BASE),
        (f"{BASE}/api/rest/{{version}}", BASE),
        (f"{BASE}/API/REST/2.0/", BASE),
        (f"{BASE}/proxy/API/REST/{{version}}/", f"{BASE}/proxy"),
        ("http://127.0.0.1:8080/API/REST/{version}/", "http://127.0.0.1:8080"),
        ("", BASE),
        (None, BASE),
    ],
)
def test_the_base_url_is_what_stands_before_the_api(standard: object, base: str):
    assert identity_of(site(), answer(found(standard))).base_url == base


def test_without_site_or_user_the_base_url_has_to_do():
    identity = identity_of(site(), answer(found(site=None, user="x")))

    assert (identity.site_id, identity.user_id, identity.user_name) == (None, None, "demo")
    assert identity.binding == BASE


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (answer("Not authenticated."), SignInRefused, "Not authenticated.*check company, user and password"),
        (Answer(401, b""), SignInRefused, "check company.*allow list"),
        (Answer(403, b""), SignInRefused, "no permission"),
        (Answer(302, b"<html>login</html>"), SignInRefused, "redirected.*not followed"),
        (Answer(404, b"<html>"), ConfigError, "is the login URL right"),
        (Answer(429, b""), ServerGone, "try again later"),
        (Answer(408, b""), ServerGone, "try again later"),
        (Answer(502, b"<html><title>Bad</title>"), ServerGone, "HTML page: Bad"),
        (NoAnswer(left=False, error="no connection to x"), ServerGone, "no connection to x"),
        (Answer(200, b"<html><title>Hotel WLAN</title>"), ConfigError, "not Eloqua's.*Hotel WLAN"),
        (Answer(200, b""), ConfigError, "not Eloqua's"),
        (Answer(200, b'{"urls": '), ConfigError, "not Eloqua's"),
        (Answer(200, orjson.dumps(found()), whole=False), ConfigError, "not Eloqua's"),
        (answer([]), ConfigError, "not Eloqua's"),
        (answer({"urls": {"apis": []}}), ConfigError, "not Eloqua's"),
        (answer(found("http://p03.example.test/API/REST/{version}/")), ConfigError, "plain http"),
        (answer(found("https://u:p@p03.example.test/API/REST/{version}/")), ConfigError, "user or password"),
        (answer(found("ftp://p03.example.test/API/REST/{version}/")), ConfigError, "not a URL"),
    ],
)
def test_every_trap_of_the_login_gives_a_clear_error(reply: Reply, error: type[BulksegError], words: str):
    with pytest.raises(error, match=words) as caught:
        identity_of(site(), reply)

    assert "\n" not in str(caught.value)
