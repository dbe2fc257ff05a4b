"""What a worker of a cluster does: one run in a child process, and a reply of less than 1 kB.

A worker that sees the batch folder (the coordinator's sign is in it) leaves the run there. One that
does not asks for the plan and the world, makes the run in its own scratch folder, and hands the
files over in parts when the coordinator asks for them.

These functions run in the threads and the event loop of a Dask worker, which imports them from
its own installation of this package.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
import socket
import threading
import uuid
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypedDict

from ecosim.batch.execution import is_no_space, read_mark
from ecosim.batch.layout import BatchLayout, write_synced, write_whole
from ecosim.batch.ledger import Attempt
from ecosim.batch.plan import batch_versions
from ecosim.batch.rows import Row
from ecosim.batch.slots import Slot, Task
from ecosim.errors import EngineError

#: What a failure leaves beside the telemetry, because it is too long for a reply.
FAILURE_FILE: Final = "failure.json"

#: A child of a coordinator that was killed ends after so many idle seconds.
_IDLE_SECONDS: Final = 60.0
_LONGEST_ERROR: Final = 300
_ATTRIBUTE: Final = "ecosim_benches"


class Request(TypedDict):
    """What is asked of a worker.

    ``token`` names the coordinator's session, ``run`` is a row (None: check the engine),
    ``versions`` are the coordinator's.
    """

    token: str
    folder: str
    engine: str
    versions: dict[str, str]
    timeout: float | None
    run: dict[str, Any] | None
    attempt: int


def serve(request: Request, inputs: dict[str, bytes] | None = None) -> dict[str, Any]:
    """Do what a request asks; called by Dask in a thread of the worker.

    Parameters
    ----------
    request : Request
    inputs : dict, optional
        Name to content of the files that a worker without the batch folder needs.

    Returns
    -------
    dict
        ``{"no_folder": true}``: ask again with ``inputs``. After a probe ``{"ok": true, "note"}``
        or ``{"error"}``. After a run ``{"attempt", "owner"}``, with ``"scratch"`` (worker address,
        folder of the run, sizes of its files) where the files are still to be handed over.
    """
    worker = importlib.import_module("distributed").get_worker()
    layout = BatchLayout(request["folder"])
    shared = layout.sign(request["token"]).exists()
    if not shared:
        if inputs is None:
            return {"no_folder": True}
        layout = BatchLayout(Path(worker.local_directory) / f"ecosim-{request['token']}")
    bench = _bench(worker, (request["token"], str(layout.root)))
    try:
        if not shared:
            _unpack(layout, inputs or {})
        return bench.serve(layout, request, None if shared else worker.address)
    except OSError as error:
        return _unable(request, "no_space" if is_no_space(error) else "no_worker", error)


class Bench:
    """The slots that one worker keeps for one coordinator, each used by one thread at a time."""

    def __init__(self) -> None:
        self._checked = False
        self._idle: list[tuple[Slot, threading.Timer]] = []
        self._busy: set[Slot] = set()
        self._closed = False
        self._changing = threading.Lock()

    def serve(self, layout: BatchLayout, request: Request, address: str | None) -> dict[str, Any]:
        """Answer a request for the batch in a folder; ``address`` if the files are handed over."""
        if not self._checked:
            if problem := _difference(request):
                return _unable(request, "no_worker", problem)
            self._checked = True
        owner = uuid.uuid4().hex[:8]
        slot = self._take(layout.root, request["timeout"])
        try:
            if request["run"] is None:
                return _probe(slot)
            row = Row(**request["run"])
            attempt = _done_before(layout, request) or slot.attempt(
                Task(row, request["attempt"]), owner
            )
        finally:
            self._give_back(slot)
        attempt = _shortened(layout, attempt, owner)
        reply: dict[str, Any] = {"attempt": asdict(attempt), "owner": owner}
        if address is not None:
            done = attempt.status == "done"
            run = layout.run(row.run_id) if done else layout.partial(row.run_id, owner)
            files = {
                path.relative_to(run).as_posix(): path.stat().st_size
                for path in run.rglob("*")
                if path.is_file()
            }
            reply["scratch"] = {"address": address, "folder": str(run), "files": files}
        return reply

    def close(self) -> None:
        """End every child, in the middle of a run too."""
        with self._changing:
            self._closed = True
            idle, self._idle = self._idle, []
            for slot in self._busy:
                slot.kill()
        for slot, timer in idle:
            timer.cancel()
            slot.close()

    def _take(self, folder: Path, timeout: float | None) -> Slot:
        with self._changing:
            if self._idle:
                slot, timer = self._idle.pop()
                timer.cancel()
            else:
                slot = Slot(f"{socket.gethostname()}-{uuid.uuid4().hex[:4]}", folder, timeout)
            self._busy.add(slot)
            if self._closed:
                slot.kill()
        return slot

    def _give_back(self, slot: Slot) -> None:
        with self._changing:
            self._busy.discard(slot)
            if not self._closed:
                timer = threading.Timer(_IDLE_SECONDS, self._expire, (slot,))
                timer.daemon = True
                self._idle.append((slot, timer))
                timer.start()
                return
        slot.close()

    def _expire(self, slot: Slot) -> None:
        with self._changing:
            kept = [entry for entry in self._idle if entry[0] is not slot]
            expired = len(kept) < len(self._idle)
            self._idle = kept
        if expired:
            slot.close()


def end_session(token: str, dask_worker: Any) -> None:
    """End a worker's children of one coordinator, and remove its scratch folder."""
    benches: dict[tuple[str, str], Bench] = vars(dask_worker).get(_ATTRIBUTE, {})
    for key in [key for key in benches if key[0] == token]:
        benches.pop(key).close()
    shutil.rmtree(Path(dask_worker.local_directory) / f"ecosim-{token}", ignore_errors=True)


def read_part(path: str, offset: int, size: int) -> bytes:
    """Return part of a file on a worker."""
    with Path(path).open("rb") as stream:
        stream.seek(offset)
        return stream.read(size)


def forget(folder: str) -> None:
    """Remove a run that has been handed over."""
    shutil.rmtree(folder, ignore_errors=True)


def _bench(worker: Any, key: tuple[str, str]) -> Bench:
    """Return the worker's bench for a session and folder; it lives and ends with the worker."""
    benches: dict[tuple[str, str], Bench] = vars(worker).setdefault(_ATTRIBUTE, {})
    return benches.setdefault(key, Bench())


def _unpack(layout: BatchLayout, inputs: dict[str, bytes]) -> None:
    """Write the inputs of the batch into the scratch folder, once."""
    layout.runs.mkdir(parents=True, exist_ok=True)
    for name, content in inputs.items():
        path = layout.root / name
        if not path.exists():
            write_whole(path, content)


def _difference(request: Request) -> str | None:
    """Return how this worker's installation differs from the coordinator's, or None."""
    here = batch_versions(request["engine"])
    asked = request["versions"]
    lines = [
        f"{name} {here.get(name)} instead of {asked.get(name)}"
        for name in sorted(asked.keys() | here.keys())
        if here.get(name) != asked.get(name)
    ]
    if not lines:
        return None
    return f"expected the coordinator's versions on {socket.gethostname()}, got {', '.join(lines)}"


def _probe(slot: Slot) -> dict[str, Any]:
    try:
        return {"ok": True, "note": slot.probe()}
    except EngineError as error:
        return {"error": str(error)}


def _done_before(layout: BatchLayout, request: Request) -> Attempt | None:
    """Return a finished run as an attempt: Dask asks again for what a lost worker had answered."""
    assert request["run"] is not None
    if read_mark(layout, request["run"]["run_id"]) is None:
        return None
    return _attempt(request, "done")


def _unable(request: Request, status: str, reason: object) -> dict[str, Any]:
    """Return the reply of a worker that cannot make runs."""
    if request["run"] is None:
        return {"error": str(reason)}
    attempt = _attempt(request, status, str(reason)[:_LONGEST_ERROR])
    return {"attempt": asdict(attempt), "owner": ""}


def _attempt(request: Request, status: Any, error: str | None = None) -> Attempt:
    assert request["run"] is not None
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Attempt(
        request["run"]["run_id"], request["attempt"], socket.gethostname(), now, 0.0, status, error
    )


def _shortened(layout: BatchLayout, attempt: Attempt, owner: str) -> Attempt:
    """Return an attempt that fits into a reply; what is cut off goes into the run's folder."""
    if attempt.status == "done":
        return attempt
    folder = layout.partial(attempt.run_id, owner)
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        write_synced(folder / FAILURE_FILE, json.dumps(asdict(attempt)).encode())
    return replace(attempt, error=(attempt.error or "")[:_LONGEST_ERROR], traceback="", stderr="")
