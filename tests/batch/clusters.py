"""A Dask cluster of real processes on this machine, for tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path


class Cluster:
    """A scheduler and its workers; a context manager that ends them all.

    Parameters
    ----------
    folder : Path
        For scratch files and logs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self._port}"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Cluster:
        self.start_scheduler()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.workers:
            self.kill(process)
        if self.scheduler is not None:
            self.kill(self.scheduler)

    def start_scheduler(self) -> None:
        """Start a scheduler at the cluster's address."""
        words = ["scheduler", "--host", "127.0.0.1", "--port", str(self._port), "--no-dashboard"]
        self.scheduler = self._start("scheduler", words, {})

    def start_worker(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker of one thread, with more in its environment."""
        name = f"worker{len(self.workers)}"
        words = ["worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        words += ["--local-directory", str(self._folder / name)]
        self.workers.append(self._start(name, words, environment))
        return self.workers[-1]

    @staticmethod
    def kill(process: subprocess.Popen[bytes]) -> None:
        """End a process that this cluster started, at once."""
        process.send_signal(signal.SIGKILL)
        process.wait()

    def _start(
        self, name: str, words: list[str], environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *words],
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
            )
