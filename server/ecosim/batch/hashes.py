"""What a finished run is checked by: the hashes of its files, and what they leave out.

The same row gives the same bytes on any machine and with any number of workers, but for these keys.
The content hash leaves them out; every other byte of both files is under it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ecosim.batch.layout import canonical_json

#: Record kind to the keys that say when, where and how fast a run was made, not what happened.
VOLATILE_KEYS: Final[dict[str, frozenset[str]]] = {
    "config": frozenset({"created_at", "software"}),
    "end": frozenset({"emitter_ns", "loop_ns", "snapshot_ns"}),
}

_MARKERS: Final = tuple(f'"record":"{kind}"'.encode() for kind in VOLATILE_KEYS)


def stable_record(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without its volatile keys."""
    left_out = VOLATILE_KEYS.get(str(record.get("record")), frozenset())
    return {key: value for key, value in record.items() if key not in left_out}


def file_hashes(path: Path) -> dict[str, Any]:
    """Return what the mark of a run says about one file.

    Returns
    -------
    dict
        ``bytes``, ``lines``, ``sha256`` of the file, and ``content_sha256``, which is over each
        line's bytes, for config and end records over the canonical JSON of :func:`stable_record`.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        A config or end record is not JSON.
    """
    exact = hashlib.sha256()
    content = hashlib.sha256()
    size = lines = 0
    with path.open("rb") as stream:
        for line in stream:
            exact.update(line)
            size += len(line)
            lines += 1
            head = line[:40].replace(b" ", b"")
            if any(marker in head for marker in _MARKERS):
                line = canonical_json(stable_record(json.loads(line))) + b"\n"
            content.update(line)
    return {
        "bytes": size,
        "lines": lines,
        "sha256": exact.hexdigest(),
        "content_sha256": content.hexdigest(),
    }


def folder_hash(root: Path) -> dict[str, Any]:
    """Return what the mark of a run says about a folder of files, such as a Zarr store.

    Returns
    -------
    dict
        ``bytes``, ``files``, and ``sha256`` over the name and the hash of each file, sorted.

    Raises
    ------
    OSError
        A file cannot be read.
    """
    whole = hashlib.sha256()
    paths = sorted((path.relative_to(root).as_posix(), path) for path in _files_below(root))
    size = 0
    for name, path in paths:
        size += path.stat().st_size
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        whole.update(f"{name}:{digest}\n".encode())
    return {"bytes": size, "files": len(paths), "sha256": whole.hexdigest()}


def _files_below(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file())


def sha256(content: bytes) -> str:
    """Return the hex digest of some bytes."""
    return hashlib.sha256(content).hexdigest()
