"""Job files: what they say, and the words in which they are refused."""

import dataclasses
import pickle
from datetime import date

import orjson
import pytest

from bulkseg.errors import InputError
from bulkseg.job import Count, Limits, load_job
from bulkseg.model import Action

TODAY = date(2026, 11, 24)
SMALLEST = """
[source]
path = "regions.csv"
[[segment]]
name = "{{ region }}"
"""
WHOLE = """
[job]
name = "nightly-regional"
site = "acme"
checkpoint = "{{ quarter }}-{{ today }}.checkpoint"

[source]
path = ["a-*.csv", "b.parquet"]
key = ["campaign_code", "region"]

[vars]
quarter = "Q4"
year = 2026
final = true

[defaults]
folderId = 180344

[[segment]]
template = "gold"
action = "create"
when = "tier == 'gold'"
for_each.audience = ["EMEA", "NA"]
name = "{{ campaign_code }} {{ audience }}"
body_file = "gold.json"

[[segment]]
template = "copy"
action = "copy"
source_id = "{{ template_id }}"
name = "copy {{ campaign_code }}"
folderId = "7"

[limits]
rate = 2.5
timeout = "10s"
max_failures = 20

[results]
if_exists = "skip"
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="nightly.toml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


@pytest.fixture
def refused(write):
    """The problems of a job file, as (TABLE.KEY, words)."""

    def problems(text, **overrides):
        with pytest.raises(InputError) as caught:
            load_job(write(text), overrides)
        return [(problem.column, problem.what) for problem in caught.value.problems]

    return problems


def _properties(template):
    return {item.name: orjson.loads(item.json) for item in template.properties}


def test_a_whole_job_file_is_read_as_it_is_meant(write):
    write('{"name": "from the file", "description": "d", "folderId": "1", "x_new": 1}', "gold.json")
    job = load_job(write(WHOLE), {"year": "2027"}, today=TODAY)
    assert (job.name, job.site, job.bare, job.if_exists) == ("nightly-regional", "acme", False, "skip")
    assert job.sources == ("a-*.csv", "b.parquet")
    assert job.key == ("campaign_code", "region")
    assert dict(job.vars) == {"quarter": "Q4", "year": "2027", "final": "true"}
    assert job.limits == Limits(rate=2.5, timeout=10, max_failures=Count(20))
    assert job.checkpoint == job.base / "Q4-2026-11-24.checkpoint"
    gold, copy = job.templates
    assert (gold.name, gold.action, gold.when) == ("gold", Action.CREATE, "tier == 'gold'")
    assert gold.for_each == (("audience", ("EMEA", "NA")),)
    assert (copy.action, copy.source_id) == (Action.COPY, "{{ template_id }}")


def test_what_is_closer_to_the_template_wins(write):
    write('{"name": "from the file", "description": "d", "folderId": "1", "x_new": 1}', "gold.json")
    gold, copy = load_job(write(WHOLE)).templates
    # Defaults, then the body file, then the table's own keys.
    assert _properties(gold) == {
        "folderId": "1",
        "name": "{{ campaign_code }} {{ audience }}",
        "description": "d",
        "x_new": 1,
    }
    assert _properties(copy) == {"folderId": "7", "name": "copy {{ campaign_code }}"}


def test_a_job_needs_no_more_than_a_source_and_a_name(write):
    job = load_job(write(SMALLEST))
    assert (job.name, job.checkpoint.name, job.templates[0].name) == (
        "nightly",
        "nightly.checkpoint",
        "segment",
    )
    assert job.limits == Limits()


def test_a_job_cannot_be_changed_and_can_go_to_another_process(write):
    job = load_job(write(SMALLEST))
    with pytest.raises(dataclasses.FrozenInstanceError):
        job.name = "other"
    assert pickle.loads(pickle.dumps(job)) == job  # noqa: S301 - what was just pickled


def test_a_byte_order_mark_is_no_error(write):
    assert load_job(write(b"\xef\xbb\xbf" + SMALLEST.encode())).sources == ("regions.csv",)


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        (SMALLEST.replace("name", "nmae"), "segment[1].nmae", 'did you mean "name"?'),
        (SMALLEST.replace("[source]", "[sourc]"), "sourc", 'no known table; did you mean "source"?'),
        (SMALLEST.replace("[source]", "[sourc]"), "source", "is missing; add [source]"),
        (SMALLEST + "[limits]\nrates = 3", "limits.rates", 'did you mean "rate"?'),
        (SMALLEST + "folderid = '3'", "segment[1].folderid", 'did you mean "folderId"?'),
        (SMALLEST + "zzz = '3'", "segment[1].zzz", "known here: "),
        (SMALLEST + "[defaults]\nwhen = 'x'", "defaults.when", "is no known key"),
        (SMALLEST + "createdBy = '3'", "segment[1].createdBy", "is read-only"),
        (SMALLEST + "[defaults]\nid = '3'", "defaults.id", "is read-only"),
        (SMALLEST + "action = 'cpoy'", "segment[1].action", 'did you mean "copy"?'),
        (SMALLEST + "action = 'copy'", "segment[1].source_id", "is missing; a copy needs"),
        (SMALLEST + "source_id = 12", "segment[1].source_id", "is for copies only"),
        (SMALLEST + "elements = 3", "segment[1].elements", "must be an array"),
        (SMALLEST + "elements = [{a = 2026-01-01}]", "segment[1].elements", "cannot be sent as JSON"),
        (SMALLEST + "for_each.a = []", "segment[1].for_each.a", "must not be empty"),
        (SMALLEST + "for_each.a = ['x', 'x']", "segment[1].for_each.a", "a value twice"),
        (SMALLEST + "for_each.a = [{}]", "segment[1].for_each.a[1]", "must be text"),
        (SMALLEST + "for_each.today = ['x']", "segment[1].for_each.today", "call it something else"),
        (SMALLEST + "for_each.a = ['x']\n[vars]\na = 1", "segment[1].for_each.a", "[vars] has too"),
        (SMALLEST + "[vars]\n_line = 1", "vars._line", "call it something else"),
        (SMALLEST + "[vars]\n'a b' = 1", "vars.a b", "letters, digits and _"),
        (SMALLEST + "[vars]\na = []", "vars.a", "must be text, not []"),
        (SMALLEST + "[limits]\nrate = 0", "limits.rate", "must be greater than 0, not 0"),
        (SMALLEST + "[limits]\nrate = inf", "limits.rate", "must be a finite number"),
        (SMALLEST + "[limits]\nconcurrency = 2000", "limits.concurrency", "must be at most 1000"),
        (SMALLEST + "[limits]\nsettle = '1 day'", "limits.settle", "must be a duration"),
        (SMALLEST + "[limits]\nmax_failures = 'few'", "limits.max_failures", "must be a count"),
        (SMALLEST + "[results]\nif_exists = 'skipp'", "results.if_exists", 'did you mean "skip"?'),
        (SMALLEST + "[job]\ncheckpoint = 3", "job.checkpoint", "must be text, not 3"),
        (
            SMALLEST + "[job]\ncheckpoint = '{{ qarter }}'\n[vars]\nquarter = 1",
            "job.checkpoint",
            '"quarter"?',
        ),
        (SMALLEST + "[job]\ncheckpoint = '{{ _line }}'", "job.checkpoint", "vars and today only"),
        (SMALLEST + "[[segment]]\nname = 'x'", "segment[1].template", "each needs a name of its own"),
        (
            SMALLEST + "template = 'a'\n[[segment]]\ntemplate = 'a'\nname = 'x'",
            "segment[2].template",
            "earlier [[segment]]",
        ),
        (SMALLEST.replace("[[segment]]", "[segment]"), "segment", "[[segment]], in double brackets"),
        (SMALLEST.replace('name = "{{ region }}"', ""), "segment[1].name", "is missing"),
        (SMALLEST.replace('"regions.csv"', "[]"), "source.path", "must not be empty"),
        (SMALLEST.replace("[source]", "[source]\nkey = ['a', 'a']"), "source.key", "a value twice"),
        ("job = 3\n" + SMALLEST, "job", "must be a table, not 3"),
    ],
)
def test_what_is_wrong_is_named_by_table_and_key(refused, text, place, says):
    assert any(column == place and says in what for column, what in refused(text)), refused(text)


def test_every_mistake_is_reported_and_not_the_first_only(refused):
    found = refused(SMALLEST + "nmae = 'x'\n[limits]\nrate = 0\nconcurrency = 0\n[result]\n")
    assert {column for column, _ in found} == {
        "segment[1].nmae",
        "limits.rate",
        "limits.concurrency",
        "result",
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [(SMALLEST + "name =\n", 6), ("[job]\nname = 'x\n", 2), ("[job]\nname = [1,", 2), ("a=1\nb=2\nb=3\n", 3)],
)
def test_a_toml_syntax_error_names_its_line(write, text, line):
    with pytest.raises(InputError) as caught:
        load_job(write(text))
    assert [problem.line for problem in caught.value.problems] == [line]


def test_a_job_file_that_is_not_utf_8_names_the_line(write):
    with pytest.raises(InputError, match=r"nightly\.toml:3: is not UTF-8"):
        load_job(write(b"[job]\n\nname = '\xff'\n"))


def test_a_job_file_that_is_nested_beyond_all_use_is_refused(write):
    with pytest.raises(InputError, match=r"nightly\.toml: is nested too deeply"):
        load_job(write("a = " + "[" * 5000 + "]" * 5000))


def test_a_file_that_is_neither_job_nor_data_is_refused(write):
    with pytest.raises(InputError, match="another ending: name a job file"):
        load_job(write("", "notes.txt"))


def test_a_folder_is_no_job(tmp_path):
    with pytest.raises(InputError, match="is a folder: name a job file"):
        load_job(tmp_path)


def test_a_job_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nightly\.toml: does not exist: check the path"):
        load_job(tmp_path / "nightly.toml")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{\n "name": "x",\n}', r"gold\.json:2: is no valid JSON at column 13"),
        ("[]", r"gold\.json:1: must hold one JSON object"),
        (b'{"a": "\xff"}', r"gold\.json:1: is not UTF-8"),
        ('{"id": "3", "name": "x"}', r"gold\.json: id: is read-only"),
        ('{"a": ' + "[" * 300 + "]" * 300 + "}", r"gold\.json: cannot be sent as JSON"),
        ("{}", r"nightly\.toml: segment\[1\]\.name: is missing"),
    ],
)
def test_a_body_file_that_cannot_be_used_is_named_with_its_line(write, content, says):
    write(content, "gold.json")
    with pytest.raises(InputError, match=says) as caught:
        load_job(write(SMALLEST.replace('name = "{{ region }}"', 'body_file = "gold.json"')))
    assert caught.value.total == 1


def test_a_body_file_that_is_not_there_is_named(write):
    with pytest.raises(InputError, match=r"gold\.json: does not exist"):
        load_job(write(SMALLEST + 'body_file = "gold.json"'))


def test_an_override_of_a_name_that_is_not_there_suggests_the_nearest(refused):
    found = refused(SMALLEST + "[vars]\nquarter = 'Q4'", quater="Q1")
    assert found == [
        ("vars.quater", '--var quater: there is no such name in [vars]; did you mean "quarter"?')
    ]


def test_the_fingerprint_follows_job_body_files_and_vars(write):
    text = SMALLEST + 'body_file = "gold.json"\n[vars]\na = 1\n'
    write('{"description": "x"}', "gold.json")
    first = load_job(write(text)).fingerprint
    assert load_job(write(text)).fingerprint == first
    assert load_job(write(text + "# changed"), {}).fingerprint != first
    assert load_job(write(text), {"a": "2"}).fingerprint != first
    write('{"description": "y"}', "gold.json")
    assert load_job(write(text)).fingerprint != first


@pytest.mark.parametrize(
    ("name", "checkpoint"),
    [
        ("s.csv", "s.checkpoint"),
        ("s.2026.tsv", "s.2026.checkpoint"),
        ("s.csv.gz", "s.checkpoint"),
        ("S.XLSX", "S.checkpoint"),
        ("s.parquet", "s.checkpoint"),
    ],
)
def test_a_bare_data_file_is_a_job_named_after_itself(tmp_path, name, checkpoint):
    job = load_job(tmp_path / name)
    assert (job.name, job.bare, job.sources) == (name, True, (name,))
    assert job.checkpoint == tmp_path / checkpoint


def test_standard_input_has_its_checkpoint_in_the_current_folder(tmp_path):
    job = load_job(tmp_path.__class__("-"))
    assert (job.name, job.sources, str(job.checkpoint)) == ("-", ("-",), "stdin.checkpoint")


def test_a_bare_data_file_has_no_vars_to_override(tmp_path):
    with pytest.raises(InputError, match="it is a data file"):
        load_job(tmp_path / "s.csv", {"a": "1"})
