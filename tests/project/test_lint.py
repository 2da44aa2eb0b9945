"""The linters' own set-up: exceptions with reasons, and contracts of imports that really bite."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

# A line of pyproject.toml that lets something through.
EXCEPTION = re.compile(r'^\s*"[A-Z]+\d*",|^ignore_|^implicit_')


def exceptions() -> list[str]:
    text = (ROOT / "pyproject.toml").read_text()
    return [line.strip() for line in text.splitlines() if EXCEPTION.search(line) and '"ALL"' not in line]


def lint_imports(checkout: Path) -> subprocess.CompletedProcess[str]:
    command = [LINT_IMPORTS, "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path) -> Path:
    """Our contracts over a package of empty modules."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "bulkseg").mkdir()
    modules = ("__init__", "cli", "pipeline", "expand", "dispatch", "checkpoint", "rows", "results")
    for module in (*modules, "observe", "clock", "errors", "model"):
        (tmp_path / "bulkseg" / f"{module}.py").touch()
    return tmp_path


def test_every_exception_has_its_reason_beside_it():
    assert len(exceptions()) > 20
    assert not [line for line in exceptions() if not re.search(r"# \w", line)]


def test_the_stages_do_not_import_each_other():
    linted = lint_imports(ROOT)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("rows", "from bulkseg import dispatch"),
        ("rows", "def late() -> None:\n    from bulkseg import cli"),
        ("dispatch", "from bulkseg import checkpoint"),
        ("expand", "from bulkseg import rows"),
        ("results", "from bulkseg import pipeline"),
        ("model", "from bulkseg import observe"),
    ],
)
def test_an_import_that_goes_the_wrong_way_is_found(checkout, module, line):
    assert lint_imports(checkout).returncode == 0
    (checkout / "bulkseg" / f"{module}.py").write_text(line)
    linted = lint_imports(checkout)
    assert linted.returncode == 1
    assert f"bulkseg.{module} -> bulkseg.{line.split()[-1]}" in linted.stdout


def test_a_module_without_a_place_is_found(checkout):
    (checkout / "bulkseg" / "stray.py").touch()
    assert "- bulkseg.stray" in lint_imports(checkout).stdout


def test_half_of_the_functions_are_under_eight_lines_and_none_is_over_sixty():
    lengths = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in [*ROOT.glob("bulkseg/**/*.py"), *ROOT.glob("benchmarks/*.py")]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert [name for name, lines in lengths.items() if lines > 60] == []
    assert median(lengths.values()) < 8
