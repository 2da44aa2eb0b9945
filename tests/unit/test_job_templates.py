"""Templates: text comes out as the same text, and what cannot work is found before any row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkseg.job.jinja import MAX_TEXT
from bulkseg.job.templates import Scope, TemplateFault, compile_condition, compile_text

SCOPE = Scope(("region", "code", "Campaign Code"), {"quarter": "Q4 100%", "today": "2026-11-24"})
CELLS = {"region": "EMEA", "code": "007", "Campaign Code": "C-1", "_source": "r.csv", "_line": "7"}

TEXT = st.text(st.sampled_from("{}%'\"\\\r\n ") | st.characters(codec="utf-8"))


def _render(source, **cells):
    return compile_text(source, SCOPE, "name").render({**CELLS, **cells})


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain 100%", "plain 100%"),
        ("{{ region }}", "EMEA"),
        ("{{ region }}/{{ code }}", "EMEA/007"),
        ("100% {{ region }} %s", "100% EMEA %s"),
        ("{{ quarter }} {{ today }} %%", "Q4 100% 2026-11-24 %%"),
        ("{{ quarter }} {{ region }}", "Q4 100% EMEA"),
        ("{{ _source }}:{{ _line }}", "r.csv:7"),
        ('{{ row["Campaign Code"] }}', "C-1"),
        ("{{ row.code }} {{ row['code'] }}", "007 007"),
        ("{{ region|lower }}-{{ quarter|lower }}", "emea-q4 100%"),
        ("{% if code == '007' %}yes{% else %}no{% endif %}", "yes"),
        ("{{ row['Campaign Code']|lower }}", "c-1"),
        ("{{ code }}\n", "007\n"),
        ("{# a comment #}x{{ 'y' }}{{ 1 }}", "xy1"),
        ("{% raw %}{{ region }}{% endraw %}", "{{ region }}"),
        ("{% set a = code %}{{ a }}", "007"),
        ("", ""),
    ],
)
def test_a_template_is_rendered_as_jinja_renders_it(source, text):
    assert _render(source) == text


@given(TEXT, TEXT)
def test_a_cell_is_text_whatever_it_looks_like(one, other):
    assert _render("{{ region }}", region=one) == one
    assert _render("<{{ region }}|{{ code }}>", region=one, code=other) == f"<{one}|{other}>"
    assert _render("<{{ region|string }}{{ code }}>", region=one, code=other) == f"<{one}{other}>"


@given(TEXT.filter(lambda text: not any(mark in text for mark in ("{{", "{%", "{#"))))
def test_text_without_a_template_is_left_alone(text):
    assert compile_text(text, SCOPE, "name").constant == text


@pytest.mark.parametrize(
    ("source", "constant"),
    [("x", "x"), ("{{ quarter }}", "Q4 100%"), ("{{ quarter|upper }}", "Q4 100%"), ("{{ 6 * 7 }}", "42")],
)
def test_what_no_row_can_change_is_rendered_once(source, constant):
    assert compile_text(source, SCOPE, "name").constant == constant


def test_a_template_that_is_one_column_knows_it():
    assert compile_text("{{ region }}", SCOPE, "name").column == "region"
    assert compile_text("{{ region }} ", SCOPE, "name").column is None


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ regoin }}", 'uses "regoin", which is no column and no name of the job; did you mean "region"?'),
        ("{{ regoin|lower }}", 'did you mean "region"?'),
        ("{% if a %}{% endif %}", 'uses "a"'),
        ('{{ row["campaign code"] }}', 'there is no such column; did you mean "Campaign Code"?'),
        ("{{ row.cod }}", 'did you mean "code"?'),
        ("{{ range }}", 'uses "range"'),
        ("{{ region ", "is no valid template"),
        ("{{ region|lowr }}", "No filter named 'lowr'"),
        ("{% include 'x' %}", "cannot be used here"),
        ("{{ quarter|int / 0 }}", "cannot be rendered: ZeroDivisionError"),
        ("{{ [1]|random }}", "No filter named 'random'"),
    ],
)
def test_a_template_that_cannot_work_is_refused_before_any_row(source, says):
    with pytest.raises(TemplateFault) as caught:
        compile_text(source, SCOPE, "name")
    assert says in caught.value.what


@pytest.mark.parametrize(
    "source",
    [
        "{{ code * 10**9 }}",
        "{{ 10**9 * code }}",
        "{{ [code] * 10**9 }}",
        "{{ 10 ** (10 ** code|int) }}",
        "{% for a in range(10 ** code|int) %}x{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ code }}{% endfor %}{% endfor %}",
        "{{ code.__class__.__mro__ }}",
        "{{ row.update({'code': 'x'}) }}",
    ],
)
def test_a_template_that_runs_away_or_breaks_out_fails_on_its_row(source):
    with pytest.raises(TemplateFault, match="name: cannot be rendered"):
        _render(source)


def test_a_text_of_the_greatest_length_is_still_rendered():
    assert len(_render(f"{{{{ 'x' * {MAX_TEXT} }}}}{{{{ code|replace('007', '') }}}}")) == MAX_TEXT


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("region == 'EMEA'", True),
        ("region in ['NA', 'APAC']", False),
        ("code", True),
        ("quarter.startswith('Q4') and _line|int > 5", True),
        ("row['Campaign Code'] != 'C-1'", False),
        ("{'a': {'b': code}}.a.b == '007'", True),
    ],
)
def test_a_condition_is_an_expression_over_the_row(source, holds):
    assert compile_condition(source, SCOPE, "when")(CELLS) is holds


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("regoin == 'x'", 'did you mean "region"?'),
        ("region ==", "is no valid expression"),
        ("region }} {{ code", "is no valid expression"),
        ("{{ region }}", "is no valid expression"),
    ],
)
def test_a_condition_that_cannot_work_is_refused_before_any_row(source, says):
    with pytest.raises(TemplateFault) as caught:
        compile_condition(source, SCOPE, "when")
    assert says in caught.value.what


@pytest.mark.parametrize("source", ["region.nothing", "region < 5", "1 / (code|int - 7)"])
def test_a_condition_that_fails_on_a_row_says_so(source):
    with pytest.raises(TemplateFault, match="when: cannot be rendered"):
        compile_condition(source, SCOPE, "when")(CELLS)
