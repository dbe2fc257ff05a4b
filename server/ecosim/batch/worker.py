"""The process of a slot: ``python -m ecosim.batch.worker``, driven over its pipes.

Each request and each reply is one JSON object on one line.

=====================================  ===========================================================
request                                reply
=====================================  ===========================================================
``{"open": folder}``                   ``{"ok": true}``, or ``{"status": "bad_engine", "error"}``
``{"probe": true}``                    the same, with ``"note"``: what the live core costs, or null
``{"run": row, "apart": folder,        ``{"status": "done" | "failed" | "no_space", "error",
"owner": text}``                       "traceback"}``; a null folder is the batch's own
=====================================  ===========================================================

Standard output belongs to the protocol and is moved out of the engine's reach: what an engine
prints goes to standard error. When the coordinator is gone, its end of the pipe closes and the
process ends at once, in the middle of a run too.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import traceback
from pathlib import Path
from typing import IO, Any, Final

from ecosim.batch.child import END_OF_STDERR
from ecosim.batch.execution import RunMaker, is_no_space
from ecosim.batch.layout import BatchLayout
from ecosim.batch.rows import Row
from ecosim.errors import EcosimError, EngineError
from ecosim.telemetry_backend import choose

_LONGEST_ERROR: Final = 500
_LONGEST_TRACEBACK: Final = 8_000


def main() -> int:
    """Serve requests until the pipe closes."""
    requests, replies = _private_pipes()
    inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(requests, inbox), daemon=True).start()
    maker: RunMaker | None = None
    while True:
        request = inbox.get()
        try:
            if "open" in request:
                maker = RunMaker(BatchLayout(Path(request["open"]).absolute()))
                reply: dict[str, Any] = {"ok": True}
            elif maker is None:
                raise EngineError("worker: expected 'open' before any other request")
            elif "probe" in request:
                maker.probe()
                reply = {"ok": True, "note": choose().note}
            else:
                apart = request["apart"]
                maker.make(
                    Row(**request["run"]),
                    None if apart is None else Path(apart),
                    request["owner"],
                )
                reply = {"status": "done"}
        except EngineError as error:
            reply = {"status": "bad_engine", "error": str(error)}
        except BaseException as error:
            # SystemExit and KeyboardInterrupt too: an engine must not end the slot by raising.
            reply = _failure(error)
            _end_stderr()
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _private_pipes() -> tuple[IO[str], IO[str]]:
    """Return the request and reply streams on descriptors of their own."""
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if hasattr(os, "register_at_fork"):
        # A process the engine forks must not keep the pipe open after this one has ended: the
        # coordinator would wait for a reply that nobody will send.
        os.register_at_fork(after_in_child=lambda: _close(requests, replies))
    return requests, replies


def _close(*streams: IO[str]) -> None:
    for stream in streams:
        os.close(stream.fileno())


def _receive(requests: IO[str], inbox: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in requests:
        inbox.put(json.loads(line))
    os._exit(0)


def _failure(error: BaseException) -> dict[str, Any]:
    text = str(error).strip() if isinstance(error, EcosimError) else ""
    text = text or f"{type(error).__name__}: {error}".strip()
    return {
        "status": "no_space" if is_no_space(error) else "failed",
        "error": _printable(text.splitlines()[0][:_LONGEST_ERROR]),
        "traceback": _printable("".join(traceback.format_exception(error))[-_LONGEST_TRACEBACK:]),
    }


def _end_stderr() -> None:
    """Tell whoever keeps the end of standard error that the failed run has printed all it will."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
        os.write(2, END_OF_STDERR)


def _printable(text: str) -> str:
    """Return text that any stream of UTF-8 takes, whatever the engine put into its message."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


if __name__ == "__main__":
    sys.exit(main())
