"""Secrets are taken out of texts, whatever form they come in."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkseg.redact import MASK, Redactor

SECRET = "pä'ss\n/wörd+9?"


@pytest.fixture
def redactor():
    found = Redactor()
    found.learn(SECRET)
    return found


@pytest.mark.parametrize(
    "form",
    [SECRET, repr(SECRET), quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode()],
    ids=["as it is", "as Python writes it", "in an address", "in base64"],
)
def test_each_form_of_a_secret_is_masked(redactor, form):
    masked = redactor.text(f"before {form} after")

    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert MASK in masked
    assert "wörd" not in masked
    assert form not in masked


@given(
    before=st.binary(max_size=7),
    after=st.binary(max_size=7),
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=6, max_size=20),
    encode=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
)
def test_base64_of_anything_that_holds_the_secret_is_masked(before, after, secret, encode):
    redactor = Redactor()
    redactor.learn(secret)

    masked = redactor.text(encode(before + secret.encode() + after).decode())

    assert MASK in masked
    # What is left besides are the neighbours, and two characters at most that they share with the secret.
    assert len(masked.replace(MASK, "")) <= len(encode(before)) + len(encode(after)) + 4


def test_what_a_server_sends_back_is_masked_as_bytes(redactor):
    assert redactor.body(b"\xff you sent " + SECRET.encode()) == b"\xff you sent " + MASK.encode()


def test_a_document_is_looked_through_to_its_last_part(redactor):
    document = {"error": SECRET, "password": "x", "list": [SECRET, 3, None, {"deep": SECRET}]}

    masked = redactor.value(document)

    assert masked == {"error": MASK, "password": MASK, "list": [MASK, 3, None, {"deep": MASK}]}
    assert json.dumps(masked)


def test_a_short_secret_would_spoil_words_and_is_not_looked_for():
    redactor = Redactor()
    redactor.learn("demo", "")

    assert redactor.text("a demonstration") == "a demonstration"
