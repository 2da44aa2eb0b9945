import base64
from pathlib import Path

import pytest

from bulkseg.eloqua.auth import BasicAuth
from bulkseg.eloqua.sites import Site, load_site
from bulkseg.errors import ConfigError

PLAIN = {"ELOQUA_COMPANY": "Sandbox", "ELOQUA_USER": "demo", "ELOQUA_PASSWORD": "demo"}
ACME = {
    "ELOQUA__ACME_EU__COMPANY": "Acme",
    "ELOQUA__ACME_EU__USER": "ann",
    "ELOQUA__ACME_EU__PASSWORD": "s3cret",
}


def test_the_plain_variables_make_a_site():
    site = load_site(None, PLAIN)

    assert (site.name, site.company, site.user, site.password.get_secret_value()) == (
        None,
        "Sandbox",
        "demo",
        "demo",
    )
    assert (site.login_url, site.base_url) == ("https://login.eloqua.com", None)


def test_a_named_site_has_variables_of_its_own():
    site = load_site("acme-eu", {**PLAIN, **ACME, "ELOQUA_LOGIN_URL": "http://127.0.0.1:1"})

    assert (site.name, site.company, site.user) == ("acme-eu", "Acme", "ann")
    assert site.login_url == "https://login.eloqua.com"


def test_a_named_site_never_takes_the_plain_password():
    with pytest.raises(ConfigError, match="ELOQUA__ACME_EU__PASSWORD not set"):
        load_site("acme-eu", {**PLAIN, **ACME, "ELOQUA__ACME_EU__PASSWORD": ""})


def test_what_is_missing_is_named_all_at_once_with_where_it_was_looked_for(tmp_path: Path):
    with pytest.raises(ConfigError, match="ELOQUA_COMPANY and ELOQUA_PASSWORD not set: looked in the env"):
        load_site(None, {"ELOQUA_USER": "demo"})
    with pytest.raises(ConfigError, match=f"; the folder {tmp_path}"):
        load_site(None, {"ELOQUA_USER": "demo", "ELOQUA_SECRETS_DIR": str(tmp_path)})


@pytest.mark.parametrize("name", ["a b", "", "a/b", "ä"])
def test_a_name_that_no_variable_can_have_is_refused(name: str):
    with pytest.raises(ConfigError, match="a site's name is made of"):
        load_site(name, PLAIN)


# --- The secrets folder ---------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["ELOQUA_PASSWORD", "eloqua_password"])
def test_a_value_may_lie_in_a_file(tmp_path: Path, file: str):
    (tmp_path / file).write_bytes(b"\xef\xbb\xbf p\xc3\xa4ss \r\n")
    environ = {**PLAIN, "ELOQUA_PASSWORD": "", "ELOQUA_SECRETS_DIR": str(tmp_path)}

    assert load_site(None, environ).password.get_secret_value() == " päss "


def test_a_variable_wins_over_a_file(tmp_path: Path):
    (tmp_path / "ELOQUA_USER").write_text("from the file")

    assert load_site(None, {**PLAIN, "ELOQUA_SECRETS_DIR": str(tmp_path)}).user == "demo"


@pytest.mark.parametrize("variable", ["ELOQUA_SECRETS_DIR", "ELOQUA__ACME_EU__SECRETS_DIR"])
def test_a_named_site_finds_its_files_in_either_folder(tmp_path: Path, variable: str):
    (tmp_path / "eloqua__acme_eu__password").write_text("in the file\n")
    environ = {**ACME, "ELOQUA__ACME_EU__PASSWORD": "", variable: str(tmp_path)}

    assert load_site("acme-eu", environ).password.get_secret_value() == "in the file"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"secrets folder .* does not exist"):
        load_site(None, {**PLAIN, "ELOQUA_SECRETS_DIR": str(tmp_path / "none")})


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_told_without_its_content(tmp_path: Path, content: bytes | None):
    path = tmp_path / "ELOQUA_PASSWORD"
    path.mkdir() if content is None else path.write_bytes(content)

    with pytest.raises(ConfigError, match="ELOQUA_PASSWORD cannot be read"):
        load_site(None, {**PLAIN, "ELOQUA_PASSWORD": "", "ELOQUA_SECRETS_DIR": str(tmp_path)})


# --- Addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://secure.p03.eloqua.com", "https://secure.p03.eloqua.com"),
        (" https://secure.p03.eloqua.com/ ", "https://secure.p03.eloqua.com"),
        ("https://secure.p03.eloqua.com/API/REST/2.0/", "https://secure.p03.eloqua.com"),
        ("https://host/eloqua/api/rest/2.0", "https://host/eloqua"),
        ("https://api/rest", "https://api/rest"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.8.8.8:1", "http://127.8.8.8:1"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_base_url_is_taken_with_or_without_the_api_path(url: str, base: str):
    assert load_site(None, {**PLAIN, "ELOQUA_BASE_URL": url}).base_url == base


@pytest.mark.parametrize("variable", ["ELOQUA_LOGIN_URL", "ELOQUA_BASE_URL"])
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://login.eloqua.com", "plain http to login.eloqua.com"),
        ("http://127.0.0.1.example.com", "plain http"),
        ("http://localhost.example.com", "plain http"),
        ("http://0.0.0.0:8080", "plain http"),
        ("http://2130706433", "plain http"),
        ("https://user:hidden@login.eloqua.com", "user or password"),
        ("https://hidden@login.eloqua.com", "user or password"),
        ("https://login.eloqua.com?hidden=1", "query or fragment"),
        ("https://login.eloqua.com#hidden", "query or fragment"),
        ("login.eloqua.com", "not a URL"),
        ("//login.eloqua.com", "not a URL"),
        ("ftp://login.eloqua.com", "not a URL"),
        ("https://", "not a URL"),
        ("https://host:99999", "not a URL"),
        ("https://[::1", "not a URL"),
    ],
)
def test_an_address_that_credentials_must_not_go_to_is_refused(variable: str, url: str, why: str):
    with pytest.raises(ConfigError, match=why) as refused:
        load_site(None, {**PLAIN, variable: url})

    assert variable in str(refused.value)
    assert "hidden" not in str(refused.value)


# --- Credentials ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["ELOQUA_COMPANY", "ELOQUA_USER"])
@pytest.mark.parametrize("value", ["a:b", "a\nb"])
def test_a_colon_or_line_break_before_the_password_is_refused(variable: str, value: str):
    with pytest.raises(ConfigError, match=f"{variable} has a colon or a control character"):
        load_site(None, {**PLAIN, variable: value})


def test_a_password_that_is_not_utf_8_is_refused():
    with pytest.raises(ConfigError, match="ELOQUA_PASSWORD is not UTF-8"):
        load_site(None, {**PLAIN, "ELOQUA_PASSWORD": "a\udcff"})


async def test_basic_authentication_is_company_backslash_user_in_utf_8():
    site = load_site(None, {**PLAIN, "ELOQUA_COMPANY": "Çompany", "ELOQUA_PASSWORD": "p:ä"})
    auth = BasicAuth(site)

    headers = await auth.headers()

    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == "Çompany\\demo:p:ä".encode()
    assert await auth.headers() is headers


def test_no_secret_shows_in_a_text_of_the_site():
    site: Site = load_site("acme-eu", ACME)

    assert "s3cret" not in f"{site!r} {site} {site.label} {BasicAuth(site)!r}"
    assert site.label == "Acme\\ann at https://login.eloqua.com"


def test_who_has_no_token_for_a_named_site_is_told_the_login_of_that_site(tmp_path):
    there = {
        "ELOQUA__ACME_EU__CLIENT_ID": "c",
        "ELOQUA__ACME_EU__CLIENT_SECRET": "s",
        "ELOQUA__ACME_EU__TOKEN_FILE": str(tmp_path / "none.token"),
    }
    with pytest.raises(ConfigError, match="`bulkseg login --site acme-eu`"):
        load_site("acme-eu", there)
