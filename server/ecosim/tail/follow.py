"""Read the records of a file as it grows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any, Final

from ecosim.errors import DatasetError

#: Of a file longer than this, the middle is skipped when following begins.
_LONGEST_START: Final = 8 * 2**20
_TAIL: Final = 2**20
#: Most bytes taken at once, so that a file that was written fast does not fill the memory.
_MOST_AT_ONCE: Final = 16 * 2**20
#: A line longer than this is no record of ours.
_LONGEST_LINE: Final = 256 * 2**20


class Follower:
    """The records of a JSON lines file, as they are appended; a context manager.

    The file stays open: a run whose folder is renamed when it is whole can be read to its end.

    Parameters
    ----------
    path : Path
        A file that is there.
    whole : bool
        Whether every record is wanted; otherwise the middle of a long file is skipped, and what
        comes first is the first record and then those of its last part.

    Raises
    ------
    DatasetError
        The file cannot be read.
    """

    def __init__(self, path: Path, *, whole: bool = False) -> None:
        self.path = path
        try:
            self._stream: IO[bytes] = path.open("rb", buffering=0)
        except OSError as error:
            raise DatasetError(f"{path}: expected a file to read, {error.strerror}") from error
        self._rest = b""
        self._skip = not whole
        self._first = True

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def modified(self) -> float:
        """Return when the file was last written, in seconds of the system's clock."""
        return os.fstat(self._stream.fileno()).st_mtime

    def is_gone(self) -> bool:
        """Return whether there is no file, or another, under the name by now."""
        try:
            return not os.path.samestat(self.path.stat(), os.fstat(self._stream.fileno()))
        except OSError:
            return True

    def poll(self) -> list[dict[str, Any]]:
        """Return the records appended since the last call; a line not yet whole waits for its end.

        Raises
        ------
        DatasetError
            A line is no record, or the file has become shorter.
        """
        try:
            place = self._stream.tell()
            size = os.fstat(self._stream.fileno()).st_size
            if size < place:
                raise DatasetError(
                    f"{self.path}: expected it to grow, it went from {place} to {size} bytes"
                )
            found = self._stream.read(_MOST_AT_ONCE)
            lines = self._lines(found)
            if self._first and lines and self._skip and size > _LONGEST_START:
                lines = lines[:1] + self._last_lines(size)
        except OSError as error:
            raise DatasetError(f"{self.path}: expected to read it, {error.strerror}") from error
        if lines:
            self._first = False
        return [self._record(line) for line in lines]

    def _lines(self, found: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + found).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            raise DatasetError(f"{self.path}: expected lines of JSON, one has no end")
        return lines

    def _last_lines(self, size: int) -> list[bytes]:
        """Return the whole lines of the last part of the file."""
        self._stream.seek(max(0, size - _TAIL))
        self._rest = b""
        found = self._lines(self._stream.read(_MOST_AT_ONCE))
        return found[1:]

    def _record(self, line: bytes) -> dict[str, Any]:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"{self.path}: expected records (JSON objects), {error}") from error
        if not isinstance(record, dict):
            raise DatasetError(f"{self.path}: expected records (JSON objects), got {record!r:.80}")
        return record
