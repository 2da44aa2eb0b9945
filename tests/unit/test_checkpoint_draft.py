"""Pass 1 on disk: what comes twice, and what a run would find to do."""

from __future__ import annotations

import stat

import pytest

from bulkseg import scratch
from bulkseg.checkpoint import Changed, Checkpoint, Clash, Draft, Place, Reserved, exists
from bulkseg.errors import CheckpointError
from bulkseg.location import Location
from bulkseg.model import Intent, Record, Spec, State
from tests.checkpoints import NOW, created, drafted, ids, opened, source, spec, take_in


def test_a_draft_is_private_and_gone_after_it_is_closed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with Draft.open() as draft:
        draft.add(source("abc"))
        assert draft.path.parent == tmp_path
        assert stat.S_IMODE(draft.path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == []


def test_without_tmpdir_a_draft_lies_where_it_is_not_memory(monkeypatch):
    monkeypatch.delenv("TMPDIR", raising=False)
    assert scratch.folder() == "/var/tmp"  # noqa: S108


def test_a_clean_source_has_no_clashes_and_counts_its_specs():
    with drafted(source("abc")) as draft:
        draft.add(source("def"))
        clashes = draft.clashes()
        assert (draft.count, clashes.first, clashes.total) == (6, (), 0)


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        (
            spec("a", name="n1", line=2, file="x.csv"),
            spec("a", name="n2", line=7, file="y.csv"),
            Clash("key", "a", Place("x.csv", 2), Place("y.csv", 7)),
        ),
        (
            spec("a", name="EMEA  gold", folded="emea gold", line=2),
            spec("b", name="Emea Gold", folded="emea gold", line=9),
            Clash("name", "Emea Gold", Place("s.csv", 2), Place("s.csv", 9)),
        ),
        (
            spec("a", name="same", line=2),
            spec("a", name="same", line=3),
            Clash("key", "a", Place("s.csv", 2), Place("s.csv", 3)),
        ),
    ],
    ids=["key twice", "name twice", "both are one mistake"],
)
def test_what_comes_twice_is_shown_with_both_places(first: Spec, second: Spec, clash: Clash):
    with drafted([first, spec("between"), second]) as draft:
        clashes = draft.clashes()
    assert (clashes.first, clashes.total) == ((clash,), 1)


def test_of_many_clashes_the_first_are_shown_in_the_order_of_the_source_and_all_are_counted():
    with drafted([spec("a", name=f"n{line}", line=line) for line in range(2, 52)]) as draft:
        clashes = draft.clashes(limit=3)
        assert [(clash.first.line, clash.second.line) for clash in clashes.first] == [(2, 3), (2, 4), (2, 5)]
        assert clashes.total == 49
        assert draft.clashes().total == 49


def test_without_a_checkpoint_everything_is_to_be_sent(place):
    with drafted(source("abc")) as draft:
        for nothing in (None, place):
            assert draft.compare(nothing).states == {State.PENDING: 3}
    assert not exists(place)


@pytest.fixture
async def worked(place: Location) -> Checkpoint:
    """A checkpoint with a spec in each state, its key being the state (a temporary failure apart)."""
    checkpoint = opened(place)
    take_in(checkpoint, source([*State, "temporary"]))
    number = ids(checkpoint)
    await checkpoint.intend([Intent(number[key], 1, NOW) for key in ("sending", "unknown")])
    await checkpoint.record(
        [
            *(Record(number[key], State(key), 1, NOW) for key in ("failed", "unknown", "skipped")),
            Record(number["temporary"], State.FAILED, 1, NOW, temporary=True),
            *(created(number[key], f"{number[key]}") for key in ("created", "undone")),
            Record(number["adopted"], State.ADOPTED, 0, NOW, segment_id="99"),
        ]
    )
    await checkpoint.record([Record(number["undone"], State.UNDONE, 1, NOW)])
    yield checkpoint
    checkpoint.close()


ALWAYS = {"pending", "skipped", "temporary"}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, ALWAYS),
        ({"retry_failed": True}, ALWAYS | {"failed"}),
        ({"redo": True}, ALWAYS | {"undone"}),
    ],
)
async def test_what_would_be_sent_is_what_a_merge_then_opens(worked, options, sent):
    specs = source([*State, "temporary"])
    with drafted(specs) as draft:
        comparison = draft.compare(worked.place, **options)
    assert comparison.to_send == len(sent)
    assert sum(comparison.states.values()) == len(specs)
    assert comparison.refused == (0 if "failed" in sent else 1)
    assert (comparison.in_doubt, comparison.done) == (2, 2 if "undone" in sent else 3)
    take_in(worked, specs, **options)
    assert set(ids(worked)) == sent
    assert {state: n for state, n in worked.counts().items() if n} == comparison.states


async def test_a_refused_spec_that_was_mended_would_be_sent(worked):
    with drafted([spec("failed", hash="mended")]) as draft:
        assert draft.compare(worked.place).states == {State.PENDING: 1}


async def test_a_spec_changed_under_a_created_or_adopted_key_is_shown_and_not_sent(worked):
    changed = [spec(key, hash="new", line=line) for line, key in enumerate(("created", "adopted"), 5)]
    others = [spec(key, hash="new") for key in ("sending", "unknown", "undone")]
    with drafted([*changed, *others]) as draft:
        comparison = draft.compare(worked.place, limit=1)
    assert comparison.changed == (Changed("created", "created", "s.csv", 5),)
    assert (comparison.changed_total, comparison.to_send) == (2, 0)


async def test_keys_that_have_gone_from_the_source_are_counted(worked):
    with drafted(source(["created", "pending", "new"])) as draft:
        assert draft.compare(worked.place).gone == 7


async def test_a_name_that_stands_for_another_key_is_reserved(worked):
    taken = [spec(f"new-{key}", name=key, line=4) for key in State]
    with drafted(taken) as draft:
        comparison = draft.compare(worked.place)
    assert {each.state for each in comparison.reserved} == {
        State.CREATED,
        State.SENDING,
        State.UNKNOWN,
        State.ADOPTED,
    }
    assert comparison.reserved_total == 4
    assert Reserved("new-created", "created", "s.csv", 4, "created", State.CREATED) in comparison.reserved


async def test_a_comparison_changes_nothing(worked):
    before = worked.counts(), worked.count_open()
    with drafted(source(["created", "new"])) as draft:
        draft.compare(worked.place, retry_failed=True, redo=True)
        draft.compare(worked.place)
    assert (worked.counts(), worked.count_open()) == before


def test_a_file_that_is_no_checkpoint_is_not_compared_with(tmp_path):
    (tmp_path / "x.checkpoint").write_text("key,name\n" * 50, encoding="utf-8")
    with drafted(source("a")) as draft, pytest.raises(CheckpointError, match="not a bulkseg checkpoint"):
        draft.compare(tmp_path / "x.checkpoint")
