"""A worker process as its slot sees it: ask, wait for the answer, end it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from typing import IO, Any, Final

#: A worker writes this after what a failed run had printed, which no text contains.
END_OF_STDERR: Final = b"\0"

_STDERR_KEPT: Final = 8_000
_LONGEST_REPLY: Final = 2**20
#: A process that the engine left running may hold the pipe open: the tail is not worth more.
_SECONDS_TO_DRAIN: Final = 2.0

#: A process that ends closes its pipes a moment before it is gone.
_SECONDS_TO_END: Final = 2.0

#: One run is one thread's work; more would be taken from the other slots.
_SINGLE_THREADED: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class ChildEndedError(Exception):
    """The process ended, or was ended, before it answered; ``timed_out`` tells which."""

    def __init__(self, reason: str, timed_out: bool) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


class Child:
    """One ``ecosim.batch.worker`` process.

    It runs in a process group of its own, so that a Ctrl-C at the terminal reaches the coordinator
    alone and so that whatever the engine started ends with it.
    """

    def __init__(self) -> None:
        self.runs = 0
        self._timed_out = False
        self._killed = False
        self._reaped = False
        self._reaping = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ecosim.batch.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, **_SINGLE_THREADED},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._stdin: IO[bytes] = self._process.stdin
        self._stdout: IO[bytes] = self._process.stdout
        self._stderr: IO[bytes] = self._process.stderr
        self._tail = b""
        self._all_told = threading.Event()
        self._drain = threading.Thread(target=self._read_stderr, daemon=True)
        self._drain.start()

    @property
    def ended(self) -> bool:
        """Whether the process is gone, for whatever reason."""
        with self._reaping:
            return self._reaped or self._process.poll() is not None

    def ask(self, request: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """Send one request and return its reply.

        Raises
        ------
        ChildEndedError
            The process ended first, sent something that is no reply, or took longer than
            ``timeout`` seconds; it is gone then.
        """
        timer = threading.Timer(timeout, self._time_out) if timeout is not None else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                self._stdin.write(json.dumps(request).encode() + b"\n")
                self._stdin.flush()
            line = self._stdout.readline(_LONGEST_REPLY)
        finally:
            if timer is not None:
                timer.cancel()
        try:
            reply = json.loads(line)
            if isinstance(reply, dict):
                return reply
        except ValueError:
            pass
        raise self._death(line, timeout)

    def kill(self) -> None:
        """End the process and what it started, now; any thread may call it."""
        self._killed = True
        with self._reaping:
            if not self._reaped:
                self._signal()

    def close(self) -> None:
        """End the process, wait for it and let go of its pipes; a second call does nothing."""
        with self._reaping:
            if self._reaped:
                return
            self._signal()
            self._process.wait()
            self._reaped = True
        self._drain.join(_SECONDS_TO_DRAIN)
        for stream in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                stream.close()

    def forget_stderr(self) -> None:
        """Drop what was printed so far: the next run starts with an empty tail."""
        self._tail = b""
        self._all_told.clear()

    def stderr_tail(self) -> str:
        """Return the last few kilobytes of standard error, after a failure or an end."""
        self._all_told.wait(_SECONDS_TO_DRAIN)
        return self._tail.decode("utf-8", "replace")

    def _signal(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    def _time_out(self) -> None:
        self._timed_out = True
        self.kill()

    def _read_stderr(self) -> None:
        descriptor = self._stderr.fileno()
        while chunk := os.read(descriptor, 65_536):
            self._tail = (self._tail + chunk.replace(END_OF_STDERR, b""))[-_STDERR_KEPT:]
            if END_OF_STDERR in chunk:
                self._all_told.set()
        self._all_told.set()
        self._stderr.close()

    def _death(self, line: bytes, timeout: float | None) -> ChildEndedError:
        """Return why there was no reply, after making sure that the process is gone."""
        spoke = bool(line)
        closed = False
        if not (spoke or self._timed_out):
            # Its own end tells more than the kill that follows.
            try:
                self._process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                closed = not self._killed
        self.close()
        if self._timed_out:
            return ChildEndedError(
                f"expected an end within {timeout:g} s, it was still running", True
            )
        if spoke:
            return ChildEndedError(f"expected a reply, the worker sent {line[:60]!r}", False)
        if closed:
            return ChildEndedError("the worker closed its pipe without an answer", False)
        code = self._process.returncode
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = f"signal {-code}"
            return ChildEndedError(f"the worker was killed by {name}", False)
        return ChildEndedError(f"the worker ended by itself with exit code {code}", False)
