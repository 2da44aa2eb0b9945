"""Job files and body files, from disk to plain values; what is wrong with them is named with its line."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import orjson

from bulkseg.errors import InputError, Problem
from bulkseg.remote import Place

_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def read_bytes(path: Place) -> bytes:
    """The file's content. Raises InputError if it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(Problem(str(path), "does not exist: check the path")) from error
    except OSError as error:
        raise InputError(
            Problem(str(path), f"cannot be read: {error.strerror or 'there is no such file'}")
        ) from error


def parse_toml(content: bytes, path: Place) -> dict[str, Any]:
    """A job file's tables. Raises InputError that names the line."""
    text = _decode(content, path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = _TOML_PLACE.search(message)
        line = int(found[1]) if found and found[1] else text.rstrip().count("\n") + 1
        raise InputError(Problem(str(path), f"is no valid TOML: {message}", line)) from error
    except RecursionError as error:  # the parser calls itself for every bracket
        raise InputError(Problem(str(path), "is nested too deeply")) from error


def parse_body(content: bytes, path: Place) -> dict[str, Any]:
    """A body file's JSON object. Raises InputError that names line and column."""
    try:
        body = orjson.loads(_decode(content, path))
        orjson.dumps(body)  # it writes less deep nesting than it reads
    except orjson.JSONDecodeError as error:
        what = f"is no valid JSON at column {error.colno}: {error.msg}"
        raise InputError(Problem(str(path), what, error.lineno)) from error
    except orjson.JSONEncodeError as error:
        raise InputError(Problem(str(path), f"cannot be sent as JSON: {error}")) from error
    if not isinstance(body, dict):
        raise InputError(Problem(str(path), "must hold one JSON object: the body of a request", 1))
    return body


def _decode(content: bytes, path: Place) -> str:
    try:
        return content.decode("utf-8-sig")  # editors on Windows put a byte order mark first
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(Problem(str(path), "is not UTF-8; save it as UTF-8", line)) from error
