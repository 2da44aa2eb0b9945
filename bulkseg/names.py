"""Names of segments and folders: which cannot be used, and when two of them are the same to a server."""

from __future__ import annotations

import unicodedata

# Control characters, halves of surrogate pairs, and Unicode's own line and paragraph breaks.
_UNUSABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def fold(name: str) -> str:
    """The form in which two names are compared: NFKC, case folded, runs of blanks as one space, stripped.

    Whether Eloqua trims, folds or normalises names is not documented, so names that are equal here are taken
    to be able to collide there. Idempotent: folding what is folded changes nothing.
    """
    if name.isascii():
        return " ".join(name.lower().split())
    # Case folding can leave text that is no longer NFKC, so it is normalised once more.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())


def flaw(name: str) -> str | None:
    """What is wrong with a name, in words; None if it can be used."""
    if name.isprintable() and name == name.strip() != "":
        return None
    if not name.strip():
        return "is empty; every segment needs a name"
    if name != name.strip():
        return f"begins or ends with a blank: {name!r}; take it out"
    for char in name:
        if unicodedata.category(char) in _UNUSABLE:
            return f"holds the control character U+{ord(char):04X}: {name!r}; take it out"
    return None


def path_flaw(path: str) -> str | None:
    """What is wrong with a folder's path from the root, such as `Nightly/2026`, in words; None if nothing."""
    for part in path.split("/"):
        if not part:
            return (
                f"is no path of a folder: {path!r}; write the names from the root down, with / between them"
            )
        wrong = flaw(part)
        if wrong is not None:
            return f"{wrong} (in {path!r})"
    return None
