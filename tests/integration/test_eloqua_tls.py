"""Certificates are verified, and a company's own authority is taken from SSL_CERT_FILE."""

import asyncio
import ssl
import subprocess
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bulkseg.eloqua.transport import trusted
from tests.integration.commands import bulkseg

pytestmark = pytest.mark.needs("openssl")

IDENTITY = {
    "site": {"id": "77", "name": "Acme"},
    "user": {"id": "12", "username": "demo"},
}


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An authority of our own, and certificates that it signed: for 127.0.0.1, and for another host."""
    folder = tmp_path_factory.mktemp("certificates")
    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(folder, *new, "-x509", "-days", "2", "-subj", "/CN=Test", "-keyout", "ca.key", "-out", "ca.pem")
    for name, host in (("ours", "IP:127.0.0.1"), ("theirs", "DNS:elsewhere.test")):
        (folder / f"{name}.ext").write_text(f"subjectAltName={host}\n")
        openssl(folder, *new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signed = ["x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2"]
        openssl(folder, *signed, "-CAcreateserial", "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    return folder


@asynccontextmanager
async def served(made, name):
    """A login address over TLS; gives its URL and the requests that came."""
    came = []

    async def answer(request):
        came.append(request.headers.get("Authorization"))
        url = f"https://127.0.0.1:{request.url.port}/API/REST/{{version}}/"
        return web.json_response({**IDENTITY, "urls": {"apis": {"rest": {"standard": url}}}})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made / f"{name}.pem", made / f"{name}.key")
    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}", came
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("certificate", "authority", "words"),
    [
        ("ours", "ca.pem", ""),
        ("ours", None, "SSL_CERT_FILE adds an authority"),
        ("ours", "theirs.pem", "is not trusted"),
        ("theirs", "ca.pem", "is not trusted"),
    ],
)
async def test_credentials_go_only_where_the_certificate_is_good(
    made, tmp_path, certificate, authority, words
):
    async with served(made, certificate) as (url, came):
        site = {"ELOQUA_COMPANY": "C", "ELOQUA_USER": "u", "ELOQUA_PASSWORD": "p", "ELOQUA_LOGIN_URL": url}
        trusted = {"SSL_CERT_FILE": str(made / authority)} if authority else {}
        ended = await asyncio.to_thread(bulkseg, "whoami", cwd=tmp_path, site={**site, **trusted})
    assert (ended.status, words in ended.err) == (3 if words else 0, True)
    assert len(came) == (0 if words else 1)


def test_an_authority_of_ones_own_comes_to_the_usual_ones(made, monkeypatch):
    usual = ssl.get_default_verify_paths()._replace(openssl_cafile=str(made / "ca.pem"))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: usual)
    monkeypatch.setenv("SSL_CERT_DIR", str(made))
    monkeypatch.setenv("SSL_CERT_FILE", str(made / "theirs.pem"))
    assert trusted().cert_store_stats()["x509"] == 2


@pytest.mark.parametrize("name", ["ca.key", "missing.pem"])
async def test_an_authority_that_is_none_is_told_before_anything_is_sent(made, tmp_path, name):
    async with served(made, "ours") as (url, came):
        site = {"ELOQUA_COMPANY": "C", "ELOQUA_USER": "u", "ELOQUA_PASSWORD": "p", "ELOQUA_LOGIN_URL": url}
        wrong = {**site, "SSL_CERT_FILE": str(made / name)}
        ended = await asyncio.to_thread(bulkseg, "whoami", cwd=tmp_path, site=wrong)
    assert (ended.status, name in ended.err, came) == (2, True, [])
