import sqlite3
from contextlib import closing

import pytest

from bulkseg.errors import ConfigError
from bulkseg.sandbox.listing import parse_selection
from bulkseg.sandbox.store import Store


def test_a_file_keeps_segments_folders_and_the_count_of_parts(tmp_path):
    with closing(Store(tmp_path / "sandbox.db", lambda: 1_000.9)) as store:
        part = store.next_part()
        made = store.add("Gold", description="ours", created_by=7, rest={"elements": [{"id": part}]})
    with closing(Store(tmp_path / "sandbox.db", lambda: 2_000.0)) as store:
        assert store.segments() == [made]
        assert (made.created_by, made.created_at, made.updated_at) == (7, 1_000, 1_000)
        assert int(store.next_part()) > int(part)


def test_what_was_added_is_there_for_another_process_at_once(tmp_path):
    with (
        closing(Store(tmp_path / "sandbox.db", lambda: 0.0)) as ours,
        closing(Store(tmp_path / "sandbox.db", lambda: 0.0)) as theirs,
    ):
        made = ours.add("Gold")
        assert theirs.segments() == [made]


def test_an_id_is_never_given_again():
    with closing(Store(None, lambda: 0.0)) as store:
        first = store.add("one")
        store.delete(first)
        assert store.add("two").id > first.id
        assert store.count() == 1


def test_a_change_by_somebody_else_is_on_record():
    times = iter([10.0, 25.5])
    with closing(Store(None, lambda: next(times))) as store:
        made = store.add("Gold")
        changed = store.update(made, name="Gold", description="theirs", rest={"x": "1"}, updated_by=99)
        assert store.get(made.id) == changed
        assert (changed.created_by, changed.created_at, changed.updated_by, changed.updated_at) == (
            12,
            10,
            99,
            25,
        )


def test_a_new_segment_is_listed_only_after_its_time():
    now = [100.0]
    with closing(Store(None, lambda: now[0])) as store:
        made = store.add("Gold", listed_after=2)
        every = parse_selection({})
        assert store.select(every, "ContactSegment") == ([], 0)
        assert store.get(made.id) == made
        assert store.named("Gold") == [made]
        now[0] = 102.0
        assert store.select(every, "ContactSegment") == ([made], 1)


def _another_programs_database(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs (id)")
        database.commit()


@pytest.mark.parametrize(
    "write", [lambda path: path.write_text("not a database"), _another_programs_database]
)
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path, write):
    path = tmp_path / "other"
    write(path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="other"):
        Store(path, lambda: 0.0)
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="missing"):
        Store(tmp_path / "missing" / "sandbox.db", lambda: 0.0)
