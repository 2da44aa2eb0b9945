"""A site that is signed in to by OAuth 2.0, and credentials that lie in the system's keyring."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bulkseg.eloqua.sites import LOOPBACK_REDIRECT, load_client, load_site
from bulkseg.errors import ConfigError
from bulkseg.redact import MASK, secrets

BASIC = {"ELOQUA_COMPANY": "Sandbox", "ELOQUA_USER": "demo", "ELOQUA_PASSWORD": "demo"}
CLIENT = {"ELOQUA_CLIENT_ID": "client", "ELOQUA_CLIENT_SECRET": "client-secret"}
TOKEN = {**CLIENT, "ELOQUA_REFRESH_TOKEN": "refresh-token"}


@pytest.fixture
def keyring(monkeypatch):
    """Stands in for the package of that name: `kept` is what it has, `asked` the names it was asked for."""
    kept: dict[tuple[str, str], str] = {}
    asked: list[str] = []

    def get_password(service, name):
        asked.append(name)
        return kept.get((service, name))

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=get_password))
    return SimpleNamespace(kept=kept, asked=asked)


@pytest.fixture
def no_keyring(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)


# --- OAuth 2.0 ------------------------------------------------------------------------------------------


def test_a_client_makes_it_oauth_with_a_refresh_token():
    site = load_site(None, TOKEN)
    assert site.oauth.client_id == "client"
    assert site.oauth.client_secret.get_secret_value() == "client-secret"
    assert site.oauth.refresh_token.get_secret_value() == "refresh-token"
    assert site.oauth.redirect_uri == LOOPBACK_REDIRECT
    assert not site.has_password


def test_or_with_company_user_and_password():
    site = load_site(None, {**CLIENT, **BASIC})
    assert (site.company, site.user, site.has_password, site.oauth.refresh_token) == (
        "Sandbox",
        "demo",
        True,
        None,
    )


def test_a_named_site_has_a_client_of_its_own():
    named = {name.replace("ELOQUA_", "ELOQUA__ACME__"): value for name, value in TOKEN.items()}
    assert load_site("acme", {**BASIC, **named}).oauth.client_id == "client"
    assert load_site(None, {**BASIC, **named}).oauth is None


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({"ELOQUA_CLIENT_ID": "c", **BASIC}, "ELOQUA_CLIENT_SECRET not set"),
        ({"ELOQUA_CLIENT_SECRET": "s", **BASIC}, "ELOQUA_CLIENT_ID not set"),
        ({**TOKEN, "ELOQUA_USER": "demo"}, "ELOQUA_COMPANY and ELOQUA_PASSWORD not set"),
        ({**CLIENT, "XDG_STATE_HOME": "/nowhere"}, "ELOQUA_REFRESH_TOKEN not set.*/nowhere/bulkseg/default"),
        ({**TOKEN, "ELOQUA_CLIENT_ID": "a:b"}, "ELOQUA_CLIENT_ID has a colon"),
        ({**TOKEN, "ELOQUA_REDIRECT_URI": "http://example.test/cb"}, "ELOQUA_REDIRECT_URI is plain http"),
        ({**TOKEN, "ELOQUA_REFRESH_TOKEN": "a\udcff"}, "ELOQUA_REFRESH_TOKEN is not UTF-8"),
    ],
)
@pytest.mark.usefixtures("no_keyring")
def test_what_is_missing_or_wrong_is_named(environ, missing):
    with pytest.raises(ConfigError, match=missing):
        load_site(None, environ)


def test_a_token_file_stands_for_the_refresh_token_and_a_login_needs_neither(tmp_path):
    environ = {**CLIENT, "ELOQUA_TOKEN_FILE": str(tmp_path / "x.token")}
    assert load_client(None, environ).oauth.token_file == tmp_path / "x.token"
    with pytest.raises(ConfigError, match="bulkseg login"):
        load_site(None, environ)
    (tmp_path / "x.token").touch()
    assert load_site(None, environ).oauth.refresh_token is None


@pytest.mark.parametrize(
    ("name", "state", "file"),
    [
        (None, "/var/state", "/var/state/bulkseg/default.token"),
        ("acme", "/var/state", "/var/state/bulkseg/acme.token"),
        ("acme", "", "~/.local/state/bulkseg/acme.token"),
        ("acme", "relative", "~/.local/state/bulkseg/acme.token"),
    ],
)
def test_the_token_file_lies_in_the_users_state_folder(name, state, file):
    prefix = "ELOQUA_" if name is None else "ELOQUA__ACME__"
    environ = {key.replace("ELOQUA_", prefix): value for key, value in TOKEN.items()}
    site = load_site(name, {**environ, "XDG_STATE_HOME": state})
    assert site.oauth.token_file == Path(file).expanduser()


def test_no_secret_shows_in_a_text_of_the_site():
    site = load_site(None, {**TOKEN, **BASIC, "ELOQUA_PASSWORD": "pass-word"})
    shown = f"{site!r} {site} {site.label}"
    assert not [value for value in ("client-secret", "refresh-token", "pass-word") if value in shown]


def test_what_is_read_is_known_to_the_redactor_from_then_on():
    load_site(None, {**CLIENT, **BASIC, "ELOQUA_PASSWORD": "just-read-now"})
    assert secrets.text("it is just-read-now") == f"it is {MASK}"


# --- The keyring ----------------------------------------------------------------------------------------


def test_what_is_nowhere_else_may_lie_in_the_keyring(keyring):
    keyring.kept["bulkseg", "ELOQUA__ACME__PASSWORD"] = "from the keyring"
    environ = {"ELOQUA__ACME__COMPANY": "Acme", "ELOQUA__ACME__USER": "ann"}
    assert load_site("acme", environ).password.get_secret_value() == "from the keyring"


def test_a_refresh_token_may_lie_in_the_keyring(keyring):
    keyring.kept["bulkseg", "ELOQUA_REFRESH_TOKEN"] = "from the keyring"
    assert load_site(None, CLIENT).oauth.refresh_token.get_secret_value() == "from the keyring"


@pytest.mark.parametrize("environ", [BASIC, TOKEN, {**CLIENT, **BASIC}])
def test_a_keyring_is_left_alone_where_nothing_is_missing(keyring, environ):
    load_site(None, environ)
    assert keyring.asked == []


@pytest.mark.usefixtures("no_keyring")
def test_without_the_package_the_message_says_what_it_takes():
    with pytest.raises(ConfigError, match=r"PASSWORD not set: looked in .*bulkseg\[keyring\]"):
        load_site(None, {**BASIC, "ELOQUA_PASSWORD": ""})


def test_a_keyring_that_has_it_not_is_named_among_the_places(keyring):
    with pytest.raises(ConfigError, match=r"PASSWORD not set: looked in .*the keyring under 'bulkseg'"):
        load_site(None, {**BASIC, "ELOQUA_PASSWORD": ""})
    assert "ELOQUA_PASSWORD" in keyring.asked


def test_a_keyring_that_cannot_be_used_is_told_in_one_word(monkeypatch):
    def get_password(*_):
        raise RuntimeError("locked, with a secret in its words")

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=get_password))
    with pytest.raises(ConfigError, match="the keyring cannot be used: RuntimeError") as refused:
        load_site(None, {**BASIC, "ELOQUA_PASSWORD": ""})
    assert "secret in its" not in str(refused.value)
