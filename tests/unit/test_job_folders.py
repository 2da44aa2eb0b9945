"""`folder` in a job: where it may stand, what wins, what a row makes of it, and what its hash stands for."""

from datetime import date
from hashlib import blake2b

import orjson
import pytest

from bulkseg.errors import InputError
from bulkseg.expand import compile_job
from bulkseg.job import load_job
from bulkseg.model import Row

SOURCE = '[source]\npath = "s.csv"\n'


def job_of(folder, text):
    (folder / "body.json").write_text('{"folderId": "9"}')
    path = folder / "job.toml"
    path.write_text(SOURCE + text)
    return load_job(path)


def specs(folder, text, **cells):
    """The one row's specs, and what is wrong with it."""
    job = job_of(folder, text)
    cells = {"name": "n", **cells}
    problems = []
    expander = compile_job(job, tuple(cells), date(2026, 2, 1), str)
    return expander.expand(Row("s.csv", 2, cells), lambda problem: problems.append(str(problem))), problems


def placed(folder, text, **cells):
    """Path and id of the folder that the one spec asks for."""
    (spec,), problems = specs(folder, text, **cells)
    assert problems == []
    return spec.folder, orjson.loads(spec.body).get("folderId")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[[segment]]\nname = "n"\nfolder = "A/B"', ("A/B", None)),
        ('[defaults]\nfolder = "A"\n[[segment]]\nname = "n"', ("A", None)),
        ('[defaults]\nfolder = "A"\n[[segment]]\nname = "n"\nfolder = "B"', ("B", None)),
        ('[defaults]\nfolder = "A"\n[[segment]]\nname = "n"\nfolderId = "7"', ("", "7")),
        ('[defaults]\nfolderId = "7"\n[[segment]]\nname = "n"\nfolder = "B"', ("B", None)),
        ('[[segment]]\nname = "n"\nbody_file = "body.json"\nfolder = "B"', ("B", None)),
        ('[defaults]\nfolder = "A"\n[[segment]]\nname = "n"\nbody_file = "body.json"', ("", "9")),
        ('[[segment]]\nname = "n"', ("", None)),
    ],
)
def test_what_is_closer_to_the_template_wins_be_it_a_path_or_an_id(tmp_path, text, expected):
    assert placed(tmp_path, text) == expected


def test_a_path_may_be_a_template_and_an_empty_one_is_none(tmp_path):
    path = "{{ region }}{% if region %}/{{ year }}{% endif %}"
    text = f'[vars]\nyear = 2026\n[[segment]]\nname = "n"\nfolder = "{path}"'
    assert placed(tmp_path, text, region="EMEA") == ("EMEA/2026", None)
    assert placed(tmp_path, text, region="") == ("", None)


@pytest.mark.parametrize("table", ["[defaults]\n{}[[segment]]\nname = 'n'\n", "[[segment]]\nname = 'n'\n{}"])
def test_both_in_one_table_are_an_error_that_says_where(tmp_path, table):
    with pytest.raises(
        InputError, match=r"(defaults|segment\[1\])\.folder: says where, and folderId does too"
    ):
        job_of(tmp_path, table.format('folder = "A"\nfolderId = "7"\n'))


@pytest.mark.parametrize("path", ["/A", "A/", "A//B", " A", "A/ B", "A/\tB"])
def test_a_path_that_can_be_none_is_refused_where_it_stands(tmp_path, path):
    with pytest.raises(InputError, match=r"job\.toml: segment\[1\]\.folder: "):
        specs(tmp_path, f'[[segment]]\nname = "n"\nfolder = {orjson.dumps(path).decode()}')
    _, problems = specs(tmp_path, '[[segment]]\nname = "n"\nfolder = "{{ where }}"', where=path)
    assert [line.split(": ")[:2] for line in problems] == [["s.csv:2", "where"]]


def test_a_name_that_no_column_has_is_refused(tmp_path):
    with pytest.raises(InputError, match=r'segment\[1\]\.folder: uses "regoin"'):
        specs(tmp_path, '[[segment]]\nname = "n"\nfolder = "{{ regoin }}"', region="EMEA")


def test_the_hash_stands_for_the_path_and_a_job_without_one_has_the_hash_it_always_had(tmp_path):
    def hash_of(more):
        ((spec,), _) = specs(tmp_path, f'[[segment]]\nname = "n"\n{more}')
        return spec.hash

    hashes = [hash_of(more) for more in ("", 'folder = "A"', 'folder = "B"', 'folderId = "7"')]
    assert len(set(hashes)) == 4
    assert hashes[0] == blake2b(b'create\0\0{"name":"n"}', digest_size=16).hexdigest()


def test_only_a_job_that_names_a_path_is_one_with_folders(tmp_path):
    def foldered(more):
        job = job_of(tmp_path, f'[[segment]]\nname = "n"\n{more}')
        return compile_job(job, ("name",), date(2026, 2, 1), str).foldered

    found = [foldered(more) for more in ("", 'folderId = "7"', 'folder = "A"', 'folder = "{{ name }}"')]
    assert found == [False, False, True, True]
