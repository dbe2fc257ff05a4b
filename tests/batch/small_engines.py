"""Engines for batch tests: one that works, and one for each way in which an engine goes wrong.

Which runs go wrong is decided by ``rates.hunger``, a parameter of the test space, so that it does
not depend on the worker or the order.
"""

from __future__ import annotations

import errno
import os
import random
import signal
import sys
import time
from pathlib import Path


class SmallEngine:
    """A host with a few entities whose hunger and number wander with the seed and the rates."""

    def __init__(self, world: dict, *, seed: int) -> None:
        self.world = world
        self.seed = seed
        self.tick = 0
        self.hunger = world["rates"]["hunger"]
        self.events: list[dict] = []
        self._random = random.Random(seed)
        self.entities = {f"hare_{index}": self._hare() for index in range(4)}

    def step(self) -> None:
        self.tick += 1
        self.events = []
        for name, hare in list(self.entities.items()):
            hare["state_vars"]["hunger"] = min(1.0, self._random.random() * self.hunger)
            if self._random.random() < 0.02:
                del self.entities[name]
                self.events.append(
                    {"type": "DEATH_STARVE", "tick": self.tick, "source_id": name, "position": None}
                )
        if self._random.random() < 0.08:
            self.entities[f"hare_{self.tick + 4}"] = self._hare()

    def _hare(self) -> dict:
        return {
            "species": "hare",
            "state": "FORAGING",
            "state_vars": {"hunger": self._random.random(), "health": 1.0},
        }


class Mishap(SmallEngine):
    """Goes wrong at tick 3 of the runs with high hunger."""

    def step(self) -> None:
        super().step()
        if self.tick == 3 and self.hunger > 1.5:
            self.go_wrong()

    def go_wrong(self) -> None:
        raise NotImplementedError


class Raising(Mishap):
    def go_wrong(self) -> None:
        print("a word on standard error", file=sys.stderr)
        raise ZeroDivisionError("hunger went through the roof\nand a second line")


class SystemExiting(Mishap):
    def go_wrong(self) -> None:
        sys.exit("leaving")


class Exiting(Mishap):
    def go_wrong(self) -> None:
        os._exit(7)


class Killed(Mishap):
    def go_wrong(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Forking(Mishap):
    """Leaves a process behind that outlives the worker, and is killed."""

    def go_wrong(self) -> None:
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)


class Hanging(Mishap):
    def go_wrong(self) -> None:
        while True:
            time.sleep(0.05)


class FullDisk(Mishap):
    def go_wrong(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


class DiesOnce(Mishap):
    """Kills its process the first time a run comes this far; a file remembers."""

    def go_wrong(self) -> None:
        seen = Path(os.environ["SMALL_ENGINES_MEMORY"]) / str(self.seed)
        if not seen.exists():
            seen.touch()
            os.kill(os.getpid(), signal.SIGKILL)


class Chatting(SmallEngine):
    """Prints what looks like replies, through Python and past it."""

    def step(self) -> None:
        super().step()
        print('{"status": "failed", "error": "not me"}')
        sys.stdout.flush()
        os.write(1, b'{"status": "failed"}\n' * 3)


class Patient(SmallEngine):
    """Takes long enough for somebody to interrupt it."""

    def step(self) -> None:
        super().step()
        time.sleep(float(os.environ.get("SMALL_ENGINES_PAUSE", "0.01")))


class NoSteps:
    """Not an engine: it cannot step."""

    def __init__(self, world: dict, *, seed: int) -> None:
        self.entities: dict = {}


class NoEntities:
    """Not a host: there is nothing to watch."""

    def __init__(self, world: dict, *, seed: int) -> None:
        self.tick = 0

    def step(self) -> None:
        self.tick += 1


def refuses(world: dict, *, seed: int) -> SmallEngine:
    raise ValueError("this world is not to my taste")


def exits(world: dict, *, seed: int) -> SmallEngine:
    os._exit(9)


not_callable = 3
