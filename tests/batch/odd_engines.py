"""Engines that do what no engine should and yet must not cost a batch more than their own run."""

import os

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
