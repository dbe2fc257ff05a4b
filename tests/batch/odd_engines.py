"""Engines that do what no engine should and yet must not cost a batch more than their own run."""

import contextlib
import ctypes
import errno
import os
import time
from pathlib import Path

from small_engines import Mishap, SmallEngine


class Unprintable(Mishap):
    """Raises a message that no stream of UTF-8 takes."""

    def go_wrong(self) -> None:
        raise ValueError("bad \ud800 thing")


class Speechless(Mishap):
    """Raises an error of this package's own tree without a word."""

    def go_wrong(self) -> None:
        from ecosim.errors import EcosimError

        raise EcosimError("")


class Wandering(SmallEngine):
    """Changes the working folder of its process."""

    def step(self) -> None:
        super().step()
        os.chdir("/")


class Chained(SmallEngine):
    """Returns itself from every step, as some libraries do."""

    def step(self) -> "Chained":
        super().step()
        return self


def obey_permissions() -> None:
    """Let permissions hold for this process of the superuser (Linux).

    With the id of another user the process could not import what it has not imported yet either.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # the version of the call, this process
    effective, dac_override = 0, 1
    sets = (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    sets[effective] &= ~(1 << dac_override)
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


class Unprivileged(Mishap):
    """Takes its process the right to write the output of the runs with high hunger.

    The variable ``ODD_ENGINES_RUNS`` names the folder of the runs while the right is to be lost.
    """

    def __init__(self, world: dict, *, seed: int) -> None:
        super().__init__(world, seed=seed)
        runs = os.environ.get("ODD_ENGINES_RUNS")
        if runs and self.hunger > 1.5:
            Path(runs).chmod(0o500)
            for partial in Path(runs).glob("*.partial"):
                # The run of another worker may be finished, and renamed, by now.
                with contextlib.suppress(FileNotFoundError):
                    partial.chmod(0o500)
            if os.geteuid() == 0:
                obey_permissions()

    def go_wrong(self) -> None:
        pass


class Forbidden(Mishap):
    """Is refused a file of its own."""

    def go_wrong(self) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/its/own/file")


class Deaf(Mishap):
    """Closes every descriptor of its process, as some start a daemon, and goes on."""

    def go_wrong(self) -> None:
        os.closerange(0, 256)
        while True:
            time.sleep(0.05)


class OwnTelemetry(Mishap):
    """Keeps telemetry of its own where it cannot be written."""

    def go_wrong(self) -> None:
        from ecosim.errors import OutputError

        raise OutputError("/its/own/telemetry: could not write: Permission denied")


def hangs(world: dict, *, seed: int) -> SmallEngine:
    """Never return; a file tells that it was called."""
    Path(os.environ["ODD_ENGINES_SEEN"]).touch()
    while True:
        time.sleep(0.05)


def tempered(world: dict, *, seed: int) -> SmallEngine:
    """Return an engine unless the environment says that it is hot."""
    if os.environ["ODD_ENGINES_TEMPER"] == "hot":
        raise ValueError("too hot")
    return SmallEngine(world, seed=seed)
