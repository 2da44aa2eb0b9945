"""What happened in a run, as a person is told it."""

from __future__ import annotations

from typing import Any

from bulkseg.observe import EventName

_SENTENCES: dict[EventName, str] = {
    "throttled": "throttled by the server (429): {rate:.3g} requests a second for now, more as it bears them",
    "server_silent": "no answer for {seconds} s: {error}",
    "server_back": "the server answers again",
    "database_away": "waiting for the database: {error}",
    "database_back": "the database is back after {seconds} s",
    "specs_changed": "{count:,} specs were made already and are asked for otherwise now: they are not sent",
    "draining": "{signal}: what is under way is finished and recorded; once more ends at once",
    "twin": "{name} was made twice: the server also has {also}; delete one",
}


def words(event: EventName, fields: dict[str, Any]) -> str:
    """A sentence for an event that has one, else its name and its fields."""
    sentence = _SENTENCES.get(event)
    if sentence is not None:
        return sentence.format(**fields)
    known = (f"{name.replace('_', ' ')} {value}" for name, value in fields.items() if value is not None)
    return " ".join([event.replace("_", " "), *known])


def on_one_line(text: str) -> str:
    """What a terminal can show on one line; nothing in it may steer the terminal."""
    return "".join(letter if letter.isprintable() else "\u00b7" for letter in text)
