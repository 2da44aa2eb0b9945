"""Folders by path: found among all of them, made where they are missing, and never twice."""

import orjson
import pytest

from bulkseg.errors import InputError, Stopped
from bulkseg.folders import Folder, Folders, tree_of
from bulkseg.listing import ListingFailed
from bulkseg.model import Action, Answer, InDoubt, NotSent, Spec, Task, Throttled
from bulkseg.placing import in_folder, known, placed, settle, wanted
from tests.virtual import VirtualTime

ROOT = "1"
FOLDERS = [
    Folder("1", "Segments", None),
    Folder("2", "Nightly", "1"),
    Folder("3", "2026", "2"),
    Folder("4", "2026", "1"),
    Folder("5", "Twice", "1"),
    Folder("6", "twice", "1"),
    Folder("7", "Twice ", "2"),
    Folder("8", "TWICE", "2"),
    Folder("9", "At the top", None),
    Folder("10", "Nobody's", "99"),
    Folder("11", "Round", "12"),
    Folder("12", "and round", "11"),
    Folder("13", "Ünter", "10"),
]


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ("Nightly", ("2",)),
        ("Nightly/2026", ("3",)),
        ("2026", ("4",)),
        ("NIGHTLY/2026", ("3",)),
        ("Twice", ("5",)),
        ("twice", ("6",)),
        ("tWICE", ("5", "6")),
        ("Nightly/twice", ("7", "8")),
        ("At the top", ("9",)),
        ("Segments", ()),
        ("Segments/Nightly", ()),
        ("Nobody's", ()),
        ("Nobody's/Ünter", ()),
        ("Round", ()),
        ("Nightly/2027", ()),
    ],
)
def test_a_folder_is_found_by_its_path_from_the_root(path, ids):
    assert tree_of(FOLDERS, ROOT).find(path) == ids


def test_what_is_not_there_once_is_not_known():
    assert known(tree_of(FOLDERS, ROOT), ["Nightly", "tWICE", "none"]) == {"Nightly": "2"}


class Site:
    """Folders that can be made. `replies` are what happens to the next creates: a list of (made, outcome).

    What is made shows in lists after `lag` more lists.
    """

    def __init__(self, *replies, lag=0, folders=FOLDERS[:3]):
        self.folders = list(folders)
        self.replies = list(replies)
        self.creates = []
        self.lag = lag
        self._hidden = []
        self._outcome = None

    async def root_folder(self):
        return Answer(200, b'{"type": "Folder", "id": "1", "name": "Segments"}')

    async def list_folders(self, *, page, order_by):
        assert (page, order_by) == (1, "id ASC")
        self._hidden = [(after - 1, one) for after, one in self._hidden]
        self.folders += [one for after, one in self._hidden if after < 0]
        self._hidden = [(after, one) for after, one in self._hidden if after >= 0]
        shown = [{"id": one.id, "name": one.name, "folderId": one.parent_id} for one in self.folders]
        return Answer(
            200, orjson.dumps({"elements": shown, "page": 1, "pageSize": 1000, "total": len(shown)})
        )

    async def create_folder(self, name, parent_id):
        self.creates.append((name, parent_id))
        made, outcome = self.replies.pop(0) if self.replies else (True, None)
        if made:
            folder = Folder(str(100 + len(self.creates)), name, parent_id)
            self._hidden.append((self.lag, folder))
        answer = {"type": "Folder", "id": str(100 + len(self.creates)), "name": name, "folderId": parent_id}
        return outcome or Answer(201, orjson.dumps(answer))

    async def ask(self, request):
        return await request()

    async def once(self, request):
        return await request()


def folders_of(site, time=None):
    clock = (time or VirtualTime()).clock()
    return Folders(site, site, settle=60.0, max_attempts=3, clock=clock)


async def make(site, path="Nightly/2027", time=None):
    folders = folders_of(site, time)
    return (await folders.make(path, await folders.read())).find(path)


async def test_what_is_missing_is_made_from_the_root_down_and_no_more():
    site = Site()
    assert await make(site, "Nightly/2027/June") == ("102",)
    assert site.creates == [("2027", "2"), ("June", "101")]


async def test_what_is_there_is_not_made():
    site = Site()
    assert await make(site, "nightly/2026") == ("3",)
    assert site.creates == []


@pytest.mark.parametrize(
    "outcome", [InDoubt("no answer"), InDoubt("503", 503), Answer(201, b"<html>"), Answer(204, b"")]
)
@pytest.mark.parametrize("lag", [0, 5])
async def test_after_a_lost_answer_the_folder_is_looked_for_and_not_made_again(outcome, lag):
    time = VirtualTime()
    site = Site((True, outcome), lag=lag)
    assert await make(site, time=time) == ("101",)
    assert len(site.creates) == 1


async def test_what_was_not_made_after_all_is_made_once_lists_have_had_the_time_to_settle():
    time = VirtualTime()
    site = Site((False, InDoubt("cut")))
    began = time.clock().monotonic()
    assert await make(site, time=time) == ("102",)
    assert time.clock().monotonic() - began >= 60.0


@pytest.mark.parametrize("outcome", [NotSent("refused"), Throttled()])
async def test_what_was_certainly_not_made_is_tried_again_at_once(outcome):
    assert await make(Site((False, outcome))) == ("102",)


async def test_one_that_somebody_else_has_just_made_is_taken():
    taken = orjson.dumps([{"property": "name", "requirement": {"type": "UniquenessRequirement"}}])
    site = Site((True, Answer(409, taken)))
    assert await make(site) == ("101",)
    assert len(site.creates) == 1


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ([(False, Answer(403, b""))], '"Nightly/2027" cannot be made: HTTP 403'),
        ([(False, Throttled())] * 3, "tried 3 times"),
        ([(True, Answer(201, b'{"id": "9", "name": "2027", "folderId": "1"}'))], "put it right"),
        ([(True, Answer(201, b'{"id": "9", "name": "other", "folderId": "2"}'))], "put it right"),
    ],
)
async def test_what_cannot_be_made_in_its_place_stops_the_run(replies, words):
    with pytest.raises(Stopped, match=words):
        await make(Site(*replies))


async def test_folders_that_cannot_be_listed_are_not_taken_for_missing():
    site = Site()
    site.root_folder = lambda: _answer(Answer(404, b""))
    with pytest.raises(ListingFailed, match="root folder"):
        await folders_of(site).read()


async def _answer(answer):
    return answer


# --- Specs and their folders ----------------------------------------------------------------------------


def task(number, folder, line=2):
    spec = Spec(
        f'["{number}"]', "t", Action.CREATE, "n", "n", "", b'{"name":"n"}', "h", "s.csv", line, folder
    )
    return Task(number, spec)


def test_the_first_spec_that_names_a_folder_is_told():
    found = wanted([[task(1, "A", 2), task(2, "")], [task(3, "A", 4), task(4, "B", 5)]])
    assert {path: spec.line for path, spec in found.items()} == {"A": 2, "B": 5}


def test_a_body_gets_the_id_and_the_hash_stays():
    batches = [[task(1, "A"), task(2, ""), task(3, "none")]]
    (made,) = placed(batches, {"A": "17"})
    assert [orjson.loads(one.spec.body).get("folderId") for one in made] == ["17", None]
    assert {one.spec.hash for one in made} == {"h"}


def test_a_body_with_a_folder_is_still_one_object():
    assert orjson.loads(in_folder(b'{"name":"n","elements":[]}', "17")) == {
        "folderId": "17",
        "name": "n",
        "elements": [],
    }


async def test_every_missing_folder_is_named_with_its_row_and_none_is_made():
    site = Site(folders=FOLDERS)
    needed = wanted([[task(1, "Nightly/2027"), task(2, "tWICE", 3), task(3, "Nightly", 4)]])
    with pytest.raises(InputError) as error:
        await settle(folders_of(site), needed, (), lambda file: f"jobs/{file}", make=False)
    missing, several = map(str, error.value.problems)
    assert missing.startswith('jobs/s.csv:2: folder: "Nightly/2027": there is no such folder')
    assert several.startswith('jobs/s.csv:3: folder: "tWICE": is the path of several folders, 5, 6')
    assert site.creates == []


async def test_folders_of_specs_in_doubt_are_found_and_never_made():
    site = Site()
    needed = wanted([[task(1, "New")]])
    ids = await settle(folders_of(site), needed, ["Nightly", "Old"], str, make=True)
    assert ids == {"New": "101", "Nightly": "2"}
    assert site.creates == [("New", "1")]
