"""The commands over a checkpoint in PostgreSQL; and the password of its address is in nothing they write."""

import psycopg
import pytest

from tests.integration.commands import bulkseg, held, sandbox, write_csv

pytestmark = pytest.mark.needs("pg_ctl")

SECRET = "hunter2-hunter2"


def test_every_command_takes_a_database_and_shows_no_password(tmp_path, cluster):
    write_csv(tmp_path / "s.csv", 30)
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE commands")
    url = cluster.url.replace("/postgres?", "/commands?")
    address = url.replace("bulkseg@", f"bulkseg:{SECRET}@")
    named, shown = f"{address}#s.csv", f"{url}#s.csv"
    told = []

    def command(*arguments):
        ended = bulkseg(*arguments, cwd=tmp_path, site=site)
        told.append(ended.out + ended.err)
        return ended

    with sandbox(cwd=tmp_path) as site:
        assert shown in command("plan", "s.csv", "--checkpoint", address).out
        options = ("--checkpoint", address, "--rate", 500)
        begun = command("run", "s.csv", *options, "--limit", 20, "--report", "r.html")
        assert (begun.status, f"--checkpoint '{shown.partition('#')[0]}'" in begun.out) == (0, True)
        done = command("run", "s.csv", *options, "--json")
        assert (done.document["checkpoint"], done.document["states"]["created"]) == (shown, 30)
        assert command("status", named, "--json").document["runs"][1]["run"] == 2
        results = command("results", named).out
        assert len(results.splitlines()) == 31
        assert command("verify", "s.csv", *options).status == 0
        assert command("run", "s.csv", *options, "--fresh", "--if-exists", "adopt").status == 0
        refused = command("resolve", named, "Segment 0001", "--not-made")
        assert (refused.status, "is adopted" in refused.err) == (2, True)
        assert command("status", address).status == 0  # the only one that was not put aside
        with psycopg.connect(url) as connection:
            query = "SELECT name FROM bulkseg.checkpoint WHERE name LIKE 's.csv.%.old'"
            ((aside,),) = connection.execute(query)
        assert command("undo", f"{address}#{aside}", "--yes", "--rate", 500).status == 0
        assert held(site) == {}
    told += [path.read_text() for path in tmp_path.iterdir() if path.is_file()]
    assert not [text for text in told if SECRET in text]
