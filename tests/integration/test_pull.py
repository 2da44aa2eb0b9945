"""`pull`: a segment becomes a body template, and what a job makes of that is the segment again."""

import json

import pytest

from bulkseg.content import differences
from bulkseg.model import State
from bulkseg.sandbox import Settings
from tests.integration.beside import beside, rows

WINDOW = {
    "type": "DateValueCondition",
    "operator": "withinLast",
    "value": {"type": "RelativeDate", "offset": "30", "timePeriod": "day"},
}
NESTED = {
    "type": "ContactFilter",
    "id": "-20",
    "scope": "local",
    "statement": "-21",
    "criteria": [
        {
            "type": "ContactFieldCriterion",
            "id": "-21",
            "fieldId": "100343",
            "condition": {"type": "TextValueCondition", "operator": "contains", "value": "{{ Cloud }} 100 %"},
        }
    ],
}
ELEMENTS = [
    {
        "type": "ContactFilterSegmentElement",
        "id": "-1",
        "isIncluded": "true",
        "filter": {
            "type": "ContactFilter",
            "id": "-2",
            "name": "Field and activity",
            "scope": "local",
            "statement": "(-3 AND -4) OR NOT (-5 OR -6)",
            "criteria": [
                {
                    "type": "ContactFieldCriterion",
                    "id": "-3",
                    "fieldId": "100811",
                    "condition": {
                        "type": "TextSetCondition",
                        "operator": "in",
                        "optionListId": "-3",
                        "quickListString": "High,Medium",
                    },
                },
                {
                    "type": "EmailOpenCriterion",
                    "id": "-4",
                    "activityRestriction": {
                        "type": "NumericValueCondition",
                        "operator": "greater",
                        "value": "2",
                    },
                    "timeRestriction": WINDOW,
                },
                {"type": "VisitedWebsiteCriterion", "id": "-5", "timeRestriction": WINDOW},
                {"type": "ContactFilterCriterion", "id": "-6", "filter": NESTED},
            ],
        },
    },
    {
        "type": "ContactFilterSegmentElement",
        "id": "-7",
        "isIncluded": "false",
        "filter": {
            "type": "ContactFilter",
            "id": "-8",
            "scope": "local",
            "statement": "-9",
            "criteria": [
                {
                    "type": "ContactFieldCriterion",
                    "id": "-9",
                    "fieldId": "100012",
                    "condition": {"type": "TextValueCondition", "operator": "equal", "value": "EMEA"},
                }
            ],
        },
    },
    {
        "type": "ContactListSegmentElement",
        "id": "-10",
        "isIncluded": "true",
        "list": {"id": "77", "name": "L"},
    },
]
JOB = """
[source]
path = "regions.csv"
key = ["region"]

[[segment]]
name = "Gold {{ region }}"
body_file = "gold.json"
"""


async def made_by_hand(place, name="Gold original"):
    """A segment that is made as Eloqua makes one: its parts have real ids."""
    source = place.folder / "by-hand.toml"
    (place.folder / "by-hand.csv").write_text("x\n1\n")
    (place.folder / "by-hand.json").write_text(
        json.dumps({"elements": ELEMENTS}).replace("{{ Cloud }}", "{{ '{{ Cloud }}' }}")
    )
    source.write_text(
        '[source]\npath = "by-hand.csv"\n[[segment]]\n'
        f'name = "{name}"\ndescription = "kept"\nfolderId = "5"\nbody_file = "by-hand.json"\n'
    )
    ended = await place.run(source)
    assert ended.status == 0, ended.err
    (asset,) = place.sandbox.store.named(name)
    return str(asset.id)


async def test_pull_run_verify_make_the_segment_again_with_nested_filters_and_activity_criteria(tmp_path):
    async with beside(tmp_path, Settings()) as place:
        original = await made_by_hand(place)
        pulled = await place.command("pull", original, "-o", "gold.json", "--param", "EMEA=region")
        assert pulled.status == 0, pulled.err
        (tmp_path / "gold.toml").write_text(JOB)
        (tmp_path / "regions.csv").write_text("region\nEMEA\nNA\n")
        ended = await place.run("gold.toml")
        assert ended.status == 0, ended.err
        assert {row.warning for row in rows(tmp_path / "gold.checkpoint").values()} == {None}
        checked = await place.command("verify", "gold.toml", "--json")
        assert (checked.status, checked.document["same"]) == (0, 2)
        made, first, other = (document(place, name) for name in ("Gold original", "Gold EMEA", "Gold NA"))
        # The list of options that came with its criterion is made anew with it; nothing else differs.
        own_list = "elements[1].filter.criteria[1].condition.optionListId"
        assert paths(made, first) == {"name", own_list}
        assert paths(made, other) == {"name", own_list, "elements[2].filter.criteria[1].condition.value"}
        assert ids(first).isdisjoint(ids(made))


def document(place, name):
    (asset,) = place.sandbox.store.named(name)
    shown = {"name": asset.name, "description": asset.description, "folderId": str(asset.folder_id)}
    return {**shown, "depth": "complete", **json.loads(asset.rest)}


def paths(asked, found):
    """Where two segments differ, ids of their parts left out."""
    return {line.split(": asked for")[0] for line in differences(asked, found)}


def ids(value):
    """All ids of parts, anywhere below; a list of contacts is no part."""
    if isinstance(value, list):
        return set().union(*map(ids, value))
    if not isinstance(value, dict):
        return set()
    own = {value["id"]} if "id" in value else set()
    return own.union(*(ids(item) for key, item in value.items() if key != "list"))


async def test_it_goes_to_stdout_and_what_is_known_by_name_only_is_told_on_stderr(tmp_path):
    async with beside(tmp_path) as place:
        original = await made_by_hand(place)
        before = len(place.asked("POST"))
        ended = await place.command("pull", original)
        assert ended.document["elements"][0]["filter"]["id"].startswith("-")
        warned = [line for line in ended.err.splitlines() if line.startswith("warning: ")]
        assert any("ContactListSegmentElement is documented by name only" in line for line in warned)
        assert any("EmailOpenCriterion" in line for line in warned)
        document = (await place.command("pull", original, "--json")).document
        assert document["pulled"][0]["template"] == ended.document
        assert len(document["pulled"][0]["warnings"]) == len(warned)
        assert len(place.asked("POST")) == before


async def test_a_search_writes_a_file_for_each_into_a_folder(tmp_path):
    async with beside(tmp_path) as place:
        for name in ("Gold EMEA", "Gold NA", "Silver"):
            place.sandbox.store.add(name, rest={"elements": ELEMENTS})
        ended = await place.command(
            "pull", "--search", "name='Gold*'", "-o", "there", "--param", "EMEA=region"
        )
        assert ended.status == 0, ended.err
        files = sorted(path.name for path in (tmp_path / "there").iterdir())
        assert files == ["gold-emea-2.json", "gold-na-3.json"]
        assert json.loads((tmp_path / "there" / files[1]).read_text())["name"] == "Gold NA"
        assert len(ended.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["2", "--param", "APAC=region"], 2, "'APAC' stands nowhere"),
        (["2", "-o", "s.csv/x.json"], 2, "cannot be written"),
        (["--search", "name='none*'", "-o", "there"], 1, "no segment is found"),
        (["--search", "nonsense =", "-o", "there"], 3, "cannot be read"),
        (["999"], 1, "segment 999"),
    ],
)
async def test_what_cannot_be_pulled_is_told_and_nothing_is_written(tmp_path, arguments, status, words):
    (tmp_path / "s.csv").write_text("name\n")
    async with beside(tmp_path) as place:
        place.sandbox.store.add("Silver")
        ended = await place.command("pull", *arguments)
        assert (ended.status, ended.out) == (status, "")
        assert words in ended.err
        assert not (tmp_path / "there").exists()


async def test_a_wrong_password_ends_it_with_3(tmp_path):
    async with beside(tmp_path) as place:
        ended = await place.command("pull", "2", ELOQUA_PASSWORD="wrong")
        assert ended.status == 3


async def test_a_pulled_bare_segment_needs_no_more_than_a_name_in_the_job(tmp_path):
    async with beside(tmp_path) as place:
        place.sandbox.store.add("Plain")
        await place.command("pull", "2", "-o", "gold.json")
        (tmp_path / "gold.toml").write_text(JOB)
        (tmp_path / "regions.csv").write_text("region\nEMEA\n")
        assert (await place.run("gold.toml")).status == 0
        assert rows(tmp_path / "gold.checkpoint")["Gold EMEA"].state is State.CREATED
