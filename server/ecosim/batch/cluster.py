"""Runs on a Dask cluster: any workers that can reach the scheduler, however they were started.

Dask only hands out tasks. What is done stands in the batch folder and the ledger, so that the loss
of workers, of the scheduler or of this process costs the runs in flight and nothing else:

- a task names the batch folder and a row, and its reply is less than 1 kB;
- so few tasks are in flight that the scheduler never holds a batch, and each is released at once;
- a task is impure and has no retries of its own: attempts are counted in the ledger;
- the run is made in a child process of the worker, so that what an engine does to its process is
  that run's outcome.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import queue
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ecosim.batch import cluster_task
from ecosim.batch.cluster_task import FAILURE_FILE, Request
from ecosim.batch.execution import content_mark, publish, read_mark
from ecosim.batch.layout import mark_file, sync_path
from ecosim.batch.ledger import Attempt, AttemptStatus
from ecosim.batch.plan import batch_versions
from ecosim.batch.prepare import Batch
from ecosim.batch.rows import Row
from ecosim.batch.slots import Task
from ecosim.errors import BatchError, EngineError

#: Tasks in flight for each thread of the cluster: one that runs and one that waits.
_TASKS_PER_THREAD: Final = 2
#: How long the number of workers is believed, seconds.
_SECONDS_BETWEEN_LOOKS: Final = 1.0
_SECONDS_TO_CONNECT: Final = 30.0
_SECONDS_TO_ANSWER: Final = 60.0
#: Each of the steps of letting go waits so long for a worker or scheduler that does not answer.
_SECONDS_TO_LET_GO: Final = 4.0
#: A network file system may show a new folder late.
_SECONDS_TO_APPEAR: Final = 60.0
_PART_BYTES: Final = 4 * 2**20


class DaskExecutor:
    """Runs of one batch on a Dask cluster.

    Parameters
    ----------
    batch : Batch
    scheduler : str
        Its address (``tcp://host:8786``), or the path of its scheduler file.
    run_timeout : float or None
        Seconds a run may take before it is ended.

    Raises
    ------
    BatchError
        There is no scheduler.
    ModuleNotFoundError
        ``distributed`` is not installed.
    """

    def __init__(self, batch: Batch, scheduler: str, run_timeout: float | None = None) -> None:
        self._batch = batch
        self._layout = batch.layout
        self._scheduler = scheduler
        self._run_timeout = run_timeout
        self._token = uuid.uuid4().hex
        self._versions = batch_versions(batch.plan.engine)
        self._distributed = importlib.import_module("distributed")
        with contextlib.ExitStack() as on_failure:
            on_failure.enter_context(_quiet_logs())
            self._client: Any = self._connected(scheduler)
            self._layout.sign(self._token).touch()
            self._at_close = on_failure.pop_all()
        self._inputs: Any = None
        self._settled: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Attempt] = queue.SimpleQueue()
        self._capacity = _TASKS_PER_THREAD
        self._looked = -_SECONDS_BETWEEN_LOOKS
        self._closed = False
        self._gatherer = threading.Thread(target=self._gather, name="cluster", daemon=True)
        self._gatherer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def capacity(self) -> int:
        """Two tasks for each thread of the workers there are now, at least two."""
        now = time.monotonic()
        if now - self._looked >= _SECONDS_BETWEEN_LOOKS:
            self._looked = now
            with contextlib.suppress(OSError, ValueError, TimeoutError):
                threads = sum(self._nthreads().values())
                self._capacity = _TASKS_PER_THREAD * max(1, threads)
        return self._capacity

    def describe(self) -> str:
        """Return the scheduler and the number of workers now."""
        count = len(self._nthreads())
        return f"on the cluster at {self._scheduler} ({count or 'no'} workers now)"

    def probe(self) -> str | None:
        """Check the batch's engine on a worker; wait for one if there is none yet."""
        reply: dict[str, Any] = {"no_folder": True}
        while reply.get("no_folder"):
            reply = self._submitted(self._request(None), f"probe-{uuid.uuid4().hex}").result()
            if reply.get("no_folder"):
                self._send_inputs()
        if "ok" not in reply:
            raise EngineError(str(reply.get("error")))
        note: str | None = reply.get("note")
        return note

    def submit(self, task: Task) -> None:
        """Hand a task to the scheduler."""
        future = self._submitted(
            self._request(task), f"{task.row.run_id}.{task.attempt}-{uuid.uuid4().hex}"
        )
        future.add_done_callback(lambda done: self._settled.put((task, done)))

    def next_outcome(self, timeout: float) -> Attempt | None:
        """Return the next finished attempt, or None after ``timeout`` seconds."""
        try:
            return self._outcomes.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """End this batch's runs on the workers and let go of the cluster, which goes on.

        A worker that does not answer is left to itself: its children end a minute after their
        last run, which lies in a folder of its own.
        """
        if self._closed:
            return
        self._closed = True
        self._settled.put(None)
        try:
            self._gatherer.join(_SECONDS_TO_LET_GO)
            with contextlib.suppress(Exception):
                if self._client.status == "running":
                    self._client.run(
                        cluster_task.end_session,
                        self._token,
                        on_error="ignore",
                        callback_timeout=_SECONDS_TO_LET_GO,
                    )
            with contextlib.suppress(Exception):
                self._client.close(timeout=_SECONDS_TO_LET_GO)
        finally:
            self._layout.sign(self._token).unlink(missing_ok=True)
            self._at_close.close()

    def _nthreads(self) -> dict[str, int]:
        """Return the threads of each worker, as the scheduler knows them."""
        threads: dict[str, int] = self._client.nthreads(callback_timeout=_SECONDS_TO_ANSWER)
        return threads

    def _connected(self, scheduler: str) -> Any:
        """Return a client of the scheduler."""
        if "://" in scheduler:
            where = {"address": scheduler}
        elif Path(scheduler).is_file():
            where = {"scheduler_file": scheduler}
        else:
            raise BatchError(
                f"--scheduler {scheduler}: expected an address such as tcp://host:8786, "
                "or a scheduler file that is there"
            )
        try:
            return self._distributed.Client(
                **where, timeout=_SECONDS_TO_CONNECT, set_as_default=False, name="ecosim-batch"
            )
        except (OSError, ValueError, KeyError) as error:
            raise BatchError(
                f"--scheduler {scheduler}: expected a Dask scheduler, {error}"
            ) from error

    def _request(self, task: Task | None) -> Request:
        return {
            "token": self._token,
            "folder": str(self._layout.root.absolute()),
            "engine": self._batch.plan.engine,
            "versions": self._versions,
            "timeout": self._run_timeout,
            "run": None if task is None else asdict(task.row),
            "attempt": 0 if task is None else task.attempt,
        }

    def _submitted(self, request: Request, key: str) -> Any:
        return self._client.submit(
            cluster_task.serve, request, self._inputs, key=f"ecosim-{key}", pure=False, retries=0
        )

    def _send_inputs(self) -> None:
        """Let workers without the folder have the plan and the world, through the scheduler."""
        if self._inputs is None:
            files = (self._layout.batch, self._layout.world)
            content = {path.name: path.read_bytes() for path in files}
            self._inputs = self._client.submit(dict, content, pure=False)

    def _gather(self) -> None:
        """Turn finished futures into attempts until the executor closes."""
        while (settled := self._settled.get()) is not None:
            task, future = settled
            try:
                outcome = self._outcome(task, future)
            finally:
                future.release()
            if outcome is not None:
                self._outcomes.put(outcome)

    def _outcome(self, task: Task, future: Any) -> Attempt | None:
        """Return what became of a task; None if it was asked again."""
        try:
            if future.cancelled():
                return self._failed(task, "no_cluster", f"the scheduler {self._scheduler} was lost")
            error = future.exception(timeout=_SECONDS_TO_ANSWER)
            if error is not None:
                return self._failed(task, *self._meaning(error))
            reply: dict[str, Any] = future.result(timeout=_SECONDS_TO_ANSWER)
            if reply.get("no_folder"):
                self._send_inputs()
                self.submit(task)
                return None
        except Exception as error:
            return self._lost(task, error)
        try:
            return self._arrived(task, reply)
        except OSError as error:
            # Of a worker's troubles none comes as an OSError: this is the coordinator's own folder.
            return self._failed(
                task, "no_space", f"{self._layout.root}: expected to write, {error}"
            )
        except Exception as error:
            return self._lost(task, error)

    def _lost(self, task: Task, error: Exception) -> Attempt:
        if self._client.status != "running":
            return self._failed(task, "no_cluster", f"the scheduler {self._scheduler} was lost")
        return self._failed(task, "died", f"its result was lost: {error!r}")

    def _meaning(self, error: BaseException) -> tuple[AttemptStatus, str]:
        """Return what an exception of a task, which raises none itself, says about the cluster."""
        if isinstance(error, self._distributed.KilledWorker):
            return "died", f"the cluster lost every worker that tried it: {error}"
        return "no_worker", f"a worker could not begin a run: {type(error).__name__}: {error}"

    def _arrived(self, task: Task, reply: dict[str, Any]) -> Attempt:
        """Return an attempt after its files have come to where the batch keeps them."""
        attempt = Attempt(**reply["attempt"])
        private = self._layout.partial(attempt.run_id, reply["owner"])
        scratch = reply.get("scratch")
        if scratch is not None:
            self._fetch(scratch, private)
        if attempt.status == "done":
            if scratch is not None:
                self._publish(task.row, private)
            self._await(attempt.run_id)
            return attempt
        return self._set_down(attempt, private)

    def _fetch(self, scratch: dict[str, Any], private: Path) -> None:
        """Copy a run's files from a worker."""
        address = scratch["address"]
        private.mkdir(parents=True, exist_ok=True)
        for name, size in scratch["files"].items():
            path = private / name
            if not path.resolve().is_relative_to(private.resolve()):
                raise BatchError(f"{name}: expected a file of the run, the worker named another")
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                for offset in range(0, size, _PART_BYTES):
                    length = min(_PART_BYTES, size - offset)
                    remote = f"{scratch['folder']}/{name}"
                    stream.write(self._ask(address, cluster_task.read_part, remote, offset, length))
            sync_path(path)
        self._ask(address, cluster_task.forget, scratch["folder"])

    def _ask(self, address: str, function: Callable[..., Any], *arguments: object) -> Any:
        """Return what a function gives on a worker."""
        try:
            if self._closed:
                raise BatchError("the batch was stopped")
            answers = self._client.run(
                function, *arguments, workers=[address], callback_timeout=_SECONDS_TO_ANSWER
            )
            return answers[address]
        except Exception as error:
            raise BatchError(f"{address}: expected an answer of the worker, {error!r}") from error

    def _publish(self, row: Row, private: Path) -> None:
        """Give handed-over files their final name, if they are what the worker wrote."""
        mark = content_mark(row, private)
        if mark != json.loads(mark_file(private).read_bytes()):
            raise BatchError(f"{row.run_id}: expected the files of its mark, others arrived")
        publish(private, self._layout.run(row.run_id), mark)

    def _await(self, run_id: str) -> None:
        """Return when the folder of a finished run can be seen from here."""
        deadline = time.monotonic() + _SECONDS_TO_APPEAR
        while read_mark(self._layout, run_id) is None and time.monotonic() < deadline:
            # Reading the folder makes a network file system look for what is new in it.
            self._layout.finished()
            time.sleep(0.2)

    def _set_down(self, attempt: Attempt, private: Path) -> Attempt:
        """Give the folder of a failed attempt its plain name; return the attempt in full."""
        plain = self._layout.partial(attempt.run_id)
        if private.is_dir():
            shutil.rmtree(plain, ignore_errors=True)
            with contextlib.suppress(OSError):
                private.rename(plain)
        failure = plain / FAILURE_FILE
        with contextlib.suppress(OSError, ValueError, TypeError):
            attempt = Attempt(**json.loads(failure.read_bytes()))
            failure.unlink()
        return attempt

    def _failed(self, task: Task, status: AttemptStatus, error: str) -> Attempt:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return Attempt(task.row.run_id, task.attempt, "cluster", now, 0.0, status, error)


@contextlib.contextmanager
def _quiet_logs() -> Iterator[None]:
    """Keep Dask from logging what the batch tells in its own words: lost workers and schedulers."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
