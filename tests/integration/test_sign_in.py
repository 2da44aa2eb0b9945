"""The real command signs in at the sandbox: tokens that end, wrong credentials, sites that move, whoami."""

import asyncio
import json
import os
import signal
import stat
from time import time

import pytest

from bulkseg.sandbox import Settings, parse_fault, serve
from bulkseg.sandbox.settings import CLIENT_ID, CLIENT_SECRET
from tests.integration.commands import bulkseg, finish, sandbox, start, write_csv
from tests.integration.signing_in import everything, place, shows
from tests.integration.wire import http, unused_port, wire

RUN = ("run", "s.csv", "--rate", "500", "--json")


# --- Tokens that end ------------------------------------------------------------------------------------


async def test_a_token_that_ends_in_the_middle_of_200_requests_is_refreshed_once(tmp_path):
    write_csv(tmp_path / "s.csv", 200)
    async with place(tmp_path, token_uses=150) as there:
        site = there.by_token
        ended = await there.run(*RUN, site=site)
        assert (ended.status, ended.document["states"]["created"]) == (0, 200)
        assert there.sandbox.store.count() == 200
        assert there.sandbox.oauth.asked == ["refresh_token"] * 2  # to sign in, and in the middle
        assert stat.S_IMODE(there.token_file.stat().st_mode) == 0o600

        write_csv(tmp_path / "s.csv", 20, first=201)
        there.let_a_night_pass()
        ended = await there.run(*RUN, site=site)
        assert (ended.status, there.sandbox.store.count()) == (0, 220)
        assert there.sandbox.oauth.asked == ["refresh_token"] * 3


async def test_a_token_whose_end_is_known_is_never_refused(tmp_path):
    write_csv(tmp_path / "s.csv", 100)
    async with place(tmp_path, token_life=1.0, latency=0.02) as there:
        ended = await there.run("run", "s.csv", "--rate", "50", "--json", site=there.by_token)
        assert (ended.status, there.sandbox.store.count()) == (0, 100)
        assert ended.document["requests"]["retried"] == 0
        assert set(there.sandbox.oauth.asked) == {"refresh_token"}


async def test_a_run_that_finds_a_living_access_token_does_not_rotate(tmp_path):
    async with place(tmp_path) as there:
        site = there.by_token
        assert [(await there.run("whoami", site=site)).status for _ in range(3)] == [0, 0, 0]
        assert there.sandbox.oauth.asked == ["refresh_token"]


async def test_an_access_token_that_was_revoked_overnight_is_refreshed_at_sign_in(tmp_path):
    async with place(tmp_path) as there:
        site = there.by_token
        await there.run("whoami", site=site)
        kept = json.loads(there.token_file.read_bytes())
        there.token_file.write_text(json.dumps({**kept, "access": "revoked"}))
        assert (await there.run("whoami", site=site)).status == 0
        assert there.sandbox.oauth.asked == ["refresh_token"] * 2


async def test_a_run_by_token_waits_for_a_server_that_is_away_and_goes_on_when_it_comes(tmp_path):
    write_csv(tmp_path / "s.csv", 3)
    port = unused_port()
    site = {
        "ELOQUA_CLIENT_ID": CLIENT_ID,
        "ELOQUA_CLIENT_SECRET": CLIENT_SECRET,
        "ELOQUA_REFRESH_TOKEN": "first",
        "ELOQUA_TOKEN_FILE": str(tmp_path / "kept.token"),
        "ELOQUA_LOGIN_URL": f"http://127.0.0.1:{port}",
    }
    process = start(*RUN, cwd=tmp_path, site=site)
    assert "server_silent" in await asyncio.to_thread(process.stderr.readline)
    async with serve(Settings(port=port)) as sandbox:
        sandbox.oauth.refresh_token = "first"
        ended = await asyncio.to_thread(finish, process)
        assert (ended.status, sandbox.store.count()) == (0, 3)


@pytest.mark.parametrize("fault", ["lost", "500-after", "broken-off"])
async def test_a_rotation_whose_answer_is_lost_ends_with_the_password(tmp_path, fault):
    async with place(tmp_path, token_faults=(parse_fault(f"{fault}:3"),)) as there:
        site = {**there.by_token, **there.by_password}
        for _ in range(2):
            await there.run("whoami", site=site)
            there.let_a_night_pass()
        ended = await there.run("whoami", site=site)
        # The third request was lost, and the fourth came with a token that was spent by it.
        assert there.sandbox.oauth.asked == ["refresh_token"] * 4 + ["password"]
        assert (ended.status, ended.err) == (0, "")


async def test_a_rotation_that_never_reached_the_server_is_simply_made(tmp_path):
    async with place(tmp_path, token_faults=(parse_fault("cut:2"),)) as there:
        site = there.by_token
        await there.run("whoami", site=site)
        there.let_a_night_pass()
        assert (await there.run("whoami", site=site)).status == 0
        assert there.sandbox.oauth.asked == ["refresh_token"] * 2


async def test_a_spent_token_without_a_password_stops_and_names_the_way_back(tmp_path):
    write_csv(tmp_path / "s.csv", 3)
    async with place(tmp_path, token_faults=(parse_fault("lost:2"),)) as there:
        site = there.by_token
        await there.run("whoami", site=site)
        there.let_a_night_pass()
        ended = await there.run(*RUN, site=site)
        assert (ended.status, ended.document["exit"]) == (3, 3)
        assert "bulkseg login" in ended.err
        assert there.sandbox.store.count() == 0


@pytest.mark.parametrize("found_out_by", ["a refusal", "the clock"])
async def test_a_token_that_cannot_be_renewed_in_the_middle_stops_the_run_with_nothing_in_doubt(
    tmp_path, found_out_by
):
    write_csv(tmp_path / "s.csv", 60)
    settings = {"token_uses": 30} if found_out_by == "a refusal" else {"latency": 0.05}
    async with place(tmp_path, **settings) as there:
        site = there.by_token
        await there.run("whoami", site=site)
        there.sandbox.oauth.refresh_token = "nobody has it"
        if found_out_by == "the clock":
            kept = json.loads(there.token_file.read_bytes())
            there.token_file.write_text(json.dumps({**kept, "good_until": time() + 2.5}))
        ended = await there.run("run", "s.csv", "--rate", "20", "--json", site=site)
        states = ended.document["states"]
        assert (ended.status, "bulkseg login" in ended.document["stopped"]) == (3, True)
        assert states["created"] == there.sandbox.store.count() > 0
        assert states["pending"] == 60 - states["created"] > 0
        assert there.sandbox.oauth.asked == ["refresh_token"] * 2


async def test_commands_that_share_a_token_file_do_not_spend_each_others_token(tmp_path):
    async with place(tmp_path) as there:
        site = there.by_token
        ended = await asyncio.gather(*(there.run("whoami", site=site) for _ in range(4)))
        assert [one.status for one in ended] == [0] * 4
        assert there.sandbox.oauth.asked == ["refresh_token"]


async def test_a_signal_does_not_cut_a_token_request_off(tmp_path):
    async def slow(found, reader, writer):
        await found.request(reader)
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        writer.write(http("200 OK", b'{"access_token": "next", "refresh_token": "rotated"}'))
        await writer.drain()

    async with wire(slow) as server:
        login = str(server.url.origin())
        site = {
            "ELOQUA_CLIENT_ID": "c",
            "ELOQUA_CLIENT_SECRET": "s",
            "ELOQUA_REFRESH_TOKEN": "first",
            "ELOQUA_TOKEN_FILE": str(tmp_path / "kept.token"),
            "ELOQUA_LOGIN_URL": login,
        }
        process = start("whoami", cwd=tmp_path, site=site)
        await asyncio.to_thread(finish, process)
    assert json.loads((tmp_path / "kept.token").read_bytes())["refresh"] == "rotated"


# --- Wrong credentials ----------------------------------------------------------------------------------

WRONG = {
    "a wrong password": ("by_password", {"ELOQUA_PASSWORD": "wrong-Pass/word+1"}),
    "a wrong password at a given base URL": ("by_password", {"ELOQUA_PASSWORD": "wrong-Pass/word+1"}),
    "an unknown user": ("by_password", {"ELOQUA_USER": "wrong-Pass/word+1"}),
    "a refresh token that does not do": ("by_token", {"ELOQUA_REFRESH_TOKEN": "wrong-Pass/word+1"}),
    "a wrong client secret": ("by_token", {"ELOQUA_CLIENT_SECRET": "wrong-Pass/word+1"}),
    "a wrong client id": ("by_token", {"ELOQUA_CLIENT_ID": "another-client"}),
    "a wrong password for a token": ("both", {"ELOQUA_PASSWORD": "wrong-Pass/word+1"}),
}


@pytest.mark.parametrize("what", WRONG)
async def test_wrong_credentials_end_with_3_after_one_request_and_show_nowhere(tmp_path, what):
    write_csv(tmp_path / "s.csv", 5)
    how, wrong = WRONG[what]
    async with place(tmp_path) as there:
        site = {
            **(there.by_password if how != "by_token" else {}),
            **(there.by_token if how != "by_password" else {}),
        }
        if how == "both":
            del site["ELOQUA_REFRESH_TOKEN"]
        if "base URL" in what:
            site["ELOQUA_BASE_URL"] = there.sandbox.url
        ended = await there.run(*RUN, "--log-level", "debug", site={**site, **wrong})
        assert (ended.status, ended.document["exit"]) == (3, 3)
        assert len(there.sandbox.store.arrivals) == 1
        assert there.sandbox.store.count() == 0
        looked_at = everything(tmp_path, ended, but=("kept.token",))
        for secret in {"wrong-Pass/word+1"} - {wrong.get("ELOQUA_USER")}:
            assert [name for name, content in looked_at.items() if shows(content, secret)] == []
        assert "Traceback" not in ended.err


# --- Sites that move ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["by_password", "by_token"])
async def test_a_site_that_moves_in_the_middle_of_a_run_is_followed(tmp_path, how):
    write_csv(tmp_path / "s.csv", 60)
    async with place(tmp_path, move_after=30) as there:
        ended = await there.run(*RUN, site=getattr(there, how))
        assert (ended.status, ended.document["states"]["created"]) == (0, 60)
        assert there.sandbox.store.count() == 60
        assert there.asked("/id") == 2


async def test_a_login_that_is_no_eloqua_any_more_in_the_middle_stops_the_run_with_all_that_was_made(
    tmp_path,
):
    write_csv(tmp_path / "s.csv", 60)
    async with place(tmp_path, lock_after=30) as there:

        async def portal(found, reader, writer):
            await found.request(reader)
            first = len(found.lines) == 1
            urls = {"urls": {"base": there.sandbox.url}, "site": {"id": 1000}, "user": {"id": 12}}
            writer.write(http("200 OK", json.dumps(urls).encode() if first else b"<html>pay here</html>"))
            await writer.drain()

        async with wire(portal) as login:
            site = {**there.by_password, "ELOQUA_LOGIN_URL": str(login.url.origin())}
            ended = await there.run(*RUN, site=site)
        assert (ended.status, ended.document["exit"]) == (3, 3)
        assert "an HTML page: pay here" in ended.document["stopped"]
        assert ended.document["states"]["created"] == there.sandbox.store.count() > 0


@pytest.mark.parametrize("how", ["by_password", "by_token"])
async def test_a_refusal_where_the_site_still_is_stops_with_the_three_reasons(tmp_path, how):
    write_csv(tmp_path / "s.csv", 60)
    async with place(tmp_path, lock_after=30) as there:
        ended = await there.run(*RUN, site=getattr(there, how))
        states = ended.document["states"]
        assert ended.status == 3
        assert states["pending"] == 60 - states["created"] == 60 - there.sandbox.store.count() > 0
        assert all(words in ended.document["stopped"] for words in ("allow list", "disabled", "moved"))
        assert there.asked("/id") == 2
        assert there.sandbox.oauth.asked == ([] if how == "by_password" else ["refresh_token"] * 2)


# --- Sites by name, secrets in files and in the keyring -------------------------------------------------


async def test_a_job_names_its_site_and_its_secrets_lie_in_a_folder(tmp_path):
    write_csv(tmp_path / "s.csv", 2)
    (tmp_path / "j.toml").write_text(
        '[job]\nsite = "acme"\n[source]\npath = "s.csv"\n'
        '[[segment]]\ntemplate = "t"\naction = "create"\nname = "{{ name }}"\n'
    )
    (tmp_path / "secrets").mkdir()
    async with place(tmp_path) as there:
        for name, value in there.by_password.items():
            (tmp_path / "secrets" / name.replace("ELOQUA_", "ELOQUA__ACME__")).write_text(f"{value}\n")
        ended = await there.run("run", "j.toml", site={"ELOQUA_SECRETS_DIR": str(tmp_path / "secrets")})
        assert (ended.status, there.sandbox.store.count()) == (0, 2)


async def test_the_keyring_is_looked_in_for_what_is_missing(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "keyring.py").write_text(
        "KEPT = {('bulkseg', 'ELOQUA_PASSWORD'): 'demo'}\n"
        "def get_password(service, name):\n    return KEPT.get((service, name))\n"
    )
    async with place(tmp_path) as there:
        site = {**there.by_password, "ELOQUA_PASSWORD": ""}
        ended = await there.run("whoami", site=site)
        assert (ended.status, "ELOQUA_PASSWORD not set" in ended.err) == (2, True)
        found = os.pathsep.join([str(tmp_path / "package"), os.getcwd()])  # noqa: PTH109 - where the package lies
        assert (await there.run("whoami", site={**site, "PYTHONPATH": found})).status == 0


async def test_the_sandbox_prints_the_variables_for_either_way_to_sign_in(tmp_path):
    with sandbox("--oauth", "--token-life", "60", cwd=tmp_path) as site:
        there = {**site, "ELOQUA_TOKEN_FILE": str(tmp_path / "kept.token")}
        ended = await asyncio.to_thread(bulkseg, "whoami", "--json", cwd=tmp_path, site=there)
    assert (ended.status, ended.document["sign_in"]) == (0, "oauth")
    assert ended.document["token_file"] == there["ELOQUA_TOKEN_FILE"]


# --- whoami ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["by_password", "by_token"])
async def test_whoami_shows_site_user_and_base_url(tmp_path, how):
    async with place(tmp_path) as there:
        site = getattr(there, how)
        ended = await there.run("whoami", site=site)
        shown = [line.split(":", 1)[1].strip() for line in ended.out.splitlines()[:3]]
        assert shown == ["Sandbox (id 1000)", "demo (id 12)", there.sandbox.url]
        document = (await there.run("whoami", "--json", site=site)).document
        assert (document["site"]["id"], document["user"]["id"], document["exit"]) == ("1000", "12", 0)


async def test_whoami_asks_the_api_itself_where_a_base_url_is_given(tmp_path):
    async with place(tmp_path) as there:
        site = {**there.by_password, "ELOQUA_BASE_URL": there.sandbox.url}
        ended = await there.run("whoami", site=site)
        assert (ended.status, there.asked("/id"), there.asked("/segments")) == (0, 0, 1)
        ended = await there.run("whoami", "--json", site={**site, "ELOQUA_PASSWORD": "wrong"})
        assert (ended.status, ended.document["exit"]) == (3, 3)
        assert "allow list" in ended.err


async def test_whoami_says_what_is_missing_and_where_it_looked(tmp_path):
    async with place(tmp_path) as there:
        ended = await there.run("whoami", "--site", "acme", site={})
        assert ended.status == 2
        assert "ELOQUA__ACME__COMPANY, ELOQUA__ACME__USER and ELOQUA__ACME__PASSWORD not set" in ended.err


async def test_whoami_where_nobody_answers_ends_with_3(tmp_path):
    async with place(tmp_path) as there:
        site = there.by_password
    ended = await there.run("whoami", site=site)
    assert (ended.status, "no connection" in ended.err) == (3, True)
