"""Names: folded for comparing, and refused where no server would keep them."""

import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkseg.names import flaw, fold

# Capital I with dot, iota subscripts, ligatures and final sigmas fold into more than one character.
AWKWARD = st.text(st.sampled_from("aAiİıßẞſﬁΐͅᾳΣςσ́̈ \u00a0\u3000\tKÅ") | st.characters(codec="utf-8"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Gold EMEA", "gold emea"),
        ("gold  emea", " gold emea "),
        ("gold\u00a0emea", "gold emea"),
        ("ＧＯＬＤ", "gold"),
        ("Straße", "STRASSE"),
        ("Cafe\u0301", "Café"),
        ("ﬁne", "fine"),
        ("Ruß\u0301", "RUSS\u0301"),
    ],
)
def test_names_that_a_server_could_take_for_one_fold_to_one(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("gold emea", "goldemea"), ("a", "á"), ("gold-1", "gold 1")])
def test_names_that_a_person_tells_apart_stay_apart(one, other):
    assert fold(one) != fold(other)


@example("ß\u0301")  # case folding leaves an s and an accent that belong together
@given(AWKWARD)
def test_folding_what_is_folded_changes_nothing(name):
    assert fold(fold(name)) == fold(name)


def test_every_single_character_folds_once():
    assert [c for c in map(chr, range(sys.maxunicode + 1)) if fold(fold(c)) != fold(c)] == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (" gold", "begins or ends with a blank"),
        ("gold\u00a0", "begins or ends with a blank"),
        ("go\tld", "U+0009"),
        ("go\nld", "U+000A"),
        ("go\x00ld", "U+0000"),
        ("go\u2028ld", "U+2028"),
        ("go\ud800ld", "U+D800"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_in_words(name, says):
    assert says in (flaw(name) or "")


@pytest.mark.parametrize("name", ["gold", 'O\'Brien "x" {{ y }}', "日本 gold", "👩\u200d🚀", "a\u00a0b", "0"])
def test_other_names_are_let_through(name):
    assert flaw(name) is None
