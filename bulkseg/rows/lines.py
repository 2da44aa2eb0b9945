"""A text file -> its real lines, each with its line end; what is no UTF-8 text is refused with its place.

Only the line ends that CSV knows count (CR LF, LF, CR); U+2028, U+0085 and the like are text.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from io import TextIOWrapper

from bulkseg.errors import InputError
from bulkseg.rows.place import SourceFile

LONGEST_LINE = 16 * 1024 * 1024
"""In characters. Without a limit a file that has no line ends would be read into memory whole."""

_FOREIGN = {
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
    b"\x1f\x8b": "gzip data: let its name end in .gz, or unpack it",
    b"PK\x03\x04": "a zip file: an Excel workbook's name has to end in .xlsx",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save it as .xlsx, or as CSV UTF-8",
    b"PAR1": "a Parquet file: let its name end in .parquet",
}
_NO_UTF8 = re.compile("[\udc80-\udcff]")


def read_lines(file: SourceFile, *, packed: bool) -> Generator[str, None, None]:
    """The lines of `file` (gzip data where `packed`), without its byte order mark.

    Raises InputError, with the line, for what is not UTF-8, a NUL, a line that is too long, broken gzip data.
    """
    number = 0
    try:
        with _opened(file, packed=packed) as text:
            for line in iter(partial(text.readline, LONGEST_LINE), ""):
                number += 1
                if "\0" in line:
                    raise file.refused(
                        "a NUL byte: this is no text, or it is UTF-16; save it as UTF-8", number
                    )
                if len(line) == LONGEST_LINE:
                    raise file.refused(f"the line is longer than {LONGEST_LINE:,} characters", number)
                yield line
    except UnicodeDecodeError:
        raise _not_utf8(file, packed=packed) from None
    except EOFError:
        raise file.refused("the gzip data breaks off here: get the whole file", number + 1) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        what = f"this is no sound gzip data ({error}): get the file again, or take .gz off its name"
        raise file.refused(what, number + 1) from None
    except OSError as error:
        raise file.unreadable(error, number + 1) from None


@contextmanager
def _opened(file: SourceFile, *, packed: bool, errors: str = "strict") -> Iterator[TextIOWrapper]:
    with file.open() as raw:
        stream = gzip.GzipFile(fileobj=raw, mode="rb") if packed else raw
        start = stream.peek(4)
        for magic, what in _FOREIGN.items():
            if start.startswith(magic):
                raise file.refused(f"this is {what}", 1)
        with TextIOWrapper(stream, encoding="utf-8-sig", errors=errors, newline="") as text:
            yield text


def _not_utf8(file: SourceFile, *, packed: bool) -> InputError:
    """Reads again for the place: the decoder works ahead in blocks and does not know lines."""
    with _opened(file, packed=packed, errors="surrogateescape") as text:
        for number, line in enumerate(iter(partial(text.readline, LONGEST_LINE), ""), 1):
            if found := _NO_UTF8.search(line):
                byte = ord(found[0]) - 0xDC00
                position = len(line[: found.start()].encode()) + 1
                what = f"not UTF-8: byte {position} of the line is 0x{byte:02X}; save the file as UTF-8"
                return file.refused(what, number)
    return file.refused("changed while it was read: run the command again")
