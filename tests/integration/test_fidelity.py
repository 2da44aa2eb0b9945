"""Whatever Eloqua does where its documentation is silent: the outcome is right, or a warning says why not.

Every two choices of what is left open meet in some case (pairwise: most faults need no more than two). Each
case runs the same job, of creates and copies, over a sandbox that behaves so.
"""

from dataclasses import dataclass
from itertools import combinations, product

import orjson
import pytest

from bulkseg.content import differences
from bulkseg.eloqua.sites import load_site
from bulkseg.job import load_job
from bulkseg.model import State
from bulkseg.readback import verify
from bulkseg.sandbox import Kept, Names, Settings, Unique, Wins, environment, parse_fault, serve
from bulkseg.stop import Stop
from tests.integration.provisioned import ELEMENTS, Provisioned, Quiet

OURS, THEIRS = 12, 77
STANDING = "alpha two"
CHOICES = {
    "names": [Names.EXACT, Names.TRIM, Names.FOLD],
    "unique": [
        (Unique.ACCEPT, True),
        (Unique.BAD_REQUEST, True),
        (Unique.CONFLICT, False),
        (Unique.CONFLICT, True),
    ],
    "folder": list(Kept),
    "description": list(Kept),
    "copy_name": list(Wins),
    "copy_elements": list(Wins),
    "search_lag": [0.0, 0.3],
    "trouble": [(), ("lost:3",), ("cut:4", "503-after:7")],
    "if_exists": ["fail", "skip", "adopt", "ignore"],
}


@dataclass(frozen=True)
class Case:
    chosen: dict

    def settings(self):
        unique, conflicting_id = self.chosen["unique"]
        names = ("names", "folder", "description", "copy_name", "copy_elements", "search_lag")
        return Settings(
            **{name: self.chosen[name] for name in names},
            unique=unique,
            conflicting_id=conflicting_id,
            faults=tuple(map(parse_fault, self.chosen["trouble"])),
        )

    def __str__(self):
        return " ".join(f"{name}={_word(value)}" for name, value in self.chosen.items())


def _word(value):
    return "+".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


def pairwise(choices):
    """Cases in which every two choices of different names meet; greedy, the same at each call."""
    names = list(choices)
    open_pairs = {
        ((a, x), (b, y))
        for a, b in combinations(range(len(names)), 2)
        for x, y in product(range(len(choices[names[a]])), range(len(choices[names[b]])))
    }
    while open_pairs:
        case = dict(min(open_pairs))
        for place, name in enumerate(names):
            if place not in case:
                gains = [
                    sum(_pair(place, one, *other) in open_pairs for other in case.items())
                    for one in range(len(choices[name]))
                ]
                case[place] = gains.index(max(gains))
        open_pairs -= set(combinations(sorted(case.items()), 2))
        yield Case({name: choices[name][case[place]] for place, name in enumerate(names)})


def _pair(place, one, other_place, other):
    return tuple(sorted([(place, one), (other_place, other)]))


CASES = list(pairwise(CHOICES))
JOB = """
[source]
path = "s.csv"
[defaults]
folderId = "7"
description = "what {{ name }} is for"
elements = '{{ elements }}'
[[segment]]
template = "create"
name = "{{ name }}"
[[segment]]
template = "copy"
action = "copy"
when = "source_id"
source_id = "{{ source_id }}"
name = "{{ name }} (copy)"
[limits]
rate = 1000
concurrency = 4
settle = "400ms"
give_up_after = "2s"
max_failures = 100
"""
NAMES = ["Alpha One", "Alpha Two", "Beta", "Gamma Ray", "Delta"]


def write(folder, source_id):
    lines = ["name,source_id,elements"]
    for number, name in enumerate(NAMES):
        elements = " ".join((ELEMENTS % name).split()).replace('"', '""')
        lines.append(f'{name},{source_id if number in (0, 2, 3) else ""},"{elements}"')
    (folder / "s.csv").write_text("\n".join(lines) + "\n")
    (folder / "job.toml").write_text(JOB)
    return load_job(folder / "job.toml")


def document(asset):
    shown = {"name": asset.name, "description": asset.description, "folderId": str(asset.folder_id)}
    return {**shown, **orjson.loads(asset.rest)}


def asked(row):
    elements = orjson.loads(ELEMENTS % row.name.removesuffix(" (copy)"))
    plain = row.name.removesuffix(" (copy)")
    return {"name": row.name, "folderId": "7", "description": f"what {plain} is for", "elements": elements}


def wrong_without_a_warning(row, asset):
    """The properties that are not as they were asked for, and that no warning names."""
    paths = {line.split(":")[0] for line in differences(asked(row), document(asset))}
    return {path for path in paths if f"{path}: asked for" not in (row.warning or "")}


def expected_of_the_standing(case):
    """In which states the spec may end whose name is taken by another's segment, if case does not count."""
    policy, (unique, _) = case.chosen["if_exists"], case.chosen["unique"]
    if policy != "ignore":
        return {"fail": State.FAILED, "skip": State.SKIPPED, "adopt": State.ADOPTED}[policy]
    refused = unique is not Unique.ACCEPT and case.chosen["names"] is Names.FOLD
    return State.FAILED if refused else State.CREATED


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_the_outcome_is_right_or_a_warning_says_what_differs(tmp_path, case):
    async with serve(case.settings()) as sandbox:
        source = sandbox.store.add(
            "Source", created_by=THEIRS, rest={"elements": orjson.loads(ELEMENTS % "old")}
        )
        sandbox.store.add(STANDING, created_by=THEIRS)
        variables = {
            name: value for name, value in environment(sandbox.url).items() if name != "ELOQUA_BASE_URL"
        }
        place = Provisioned(sandbox, load_site(None, variables), write(tmp_path, source.id), Quiet())
        # No canaries: what they are read back for has to be told of every other segment as well.
        summary = await place.run(rate=1000.0, canary=False, if_exists=case.chosen["if_exists"])

        rows = place.rows()
        created = [row for row in rows if row.state is State.CREATED]
        ours = {str(one.id): one for one in sandbox.store.segments() if one.created_by == OURS}
        problems = [(row.name, row.state, row.error, row.warning) for row in rows]
        # No id is lost, none is another's, and nothing is made twice.
        assert len(rows) == len(NAMES) + 3
        assert all(row.segment_id in ours for row in created), problems
        assert len({row.segment_id for row in created}) == len(created)
        unknown = [row for row in rows if row.state is State.UNKNOWN]
        assert len(created) <= len(ours) <= len(created) + len(unknown), problems
        # What differs is told.
        untold = {row.name: wrong_without_a_warning(row, ours[row.segment_id]) for row in created}
        assert {name: paths for name, paths in untold.items() if paths} == {}
        # What stands is taken as the job says.
        assert place.row("Alpha Two").state is expected_of_the_standing(case), problems
        for row in rows:
            if row.state in (State.ADOPTED, State.SKIPPED) and row.segment_id is not None:
                assert sandbox.store.get(int(row.segment_id)).name.casefold() == row.name.casefold(), problems
        assert all(row.error for row in rows if row.state in (State.FAILED, State.UNKNOWN))
        assert all(row.state is State.CREATED for row in rows if may_only_be_made(row, case)), problems
        assert summary.exit == int(any(row.state in (State.FAILED, State.UNKNOWN) for row in rows))
        # And verify finds exactly what differs.
        found = await verify(place.case(), place.site, observer=place.observer, stop=Stop())
        assert {one.expected.name for one in found.report.gone} == set()


def may_only_be_made(row, case):
    """A create whose name nobody has, or a copy that gets the name that was asked for."""
    if row.name == "Alpha Two":
        return False
    return row.action == "create" or case.chosen["copy_name"] is Wins.ASKED


def test_every_two_choices_meet_in_some_case_and_there_are_few():
    for (a, some), (b, others) in combinations(CHOICES.items(), 2):
        met = {(str(case.chosen[a]), str(case.chosen[b])) for case in CASES}
        assert met == {(str(one), str(other)) for one, other in product(some, others)}
    assert len(CASES) <= 25


async def test_what_the_answer_told_is_not_told_again_of_a_canary_that_is_read_back(tmp_path):
    async with serve(Settings(description=Kept.IGNORED, copy_elements=Wins.SOURCE)) as sandbox:
        source = sandbox.store.add("Source", rest={"elements": orjson.loads(ELEMENTS % "old")})
        site = load_site(None, environment(sandbox.url))
        place = Provisioned(sandbox, site, write(tmp_path, source.id), Quiet())
        assert (await place.run(rate=1000.0)).exit == 0
        told = [row.warning.split("; ") for row in place.rows()]
        assert all(len(set(lines)) == len(lines) for lines in told)
        assert {len(lines) for lines in told} == {1, 2}
