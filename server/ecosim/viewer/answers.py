"""Questions to a run that many ask at once: asked once, and one text for all who wait for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from ecosim.engine import EcosystemEngine
from ecosim.viewer.live_run import LiveRun


class Answers:
    """The texts of what a run answers.

    One question at a time is with the run; those who ask the same before it is answered share the
    answer, and nobody gets one that was made before they asked. So the run's work does not grow
    with the number of those who ask. Used inside the event loop.

    Parameters
    ----------
    run : LiveRun
    """

    def __init__(self, run: LiveRun) -> None:
        self._run = run
        self._turn = asyncio.Lock()
        #: Questions that the run has not begun to answer, by their name.
        self._open: dict[str, asyncio.Task[bytes | None]] = {}

    async def get(
        self, name: str, question: Callable[[EcosystemEngine], Mapping[str, Any]]
    ) -> bytes | None:
        """Return the answer to a question as JSON.

        Parameters
        ----------
        name : str
            Says which questions are the same; there must be few names.
        question : callable
            Called in the run's thread, between two ticks.

        Returns
        -------
        bytes or None
            None when the run is over and its thread has left.
        """
        task = self._open.get(name)
        if task is None:
            task = self._open[name] = asyncio.create_task(self._ask(name, question))
        # One who goes away does not take the answer from the others.
        return await asyncio.shield(task)

    async def _ask(
        self, name: str, question: Callable[[EcosystemEngine], Mapping[str, Any]]
    ) -> bytes | None:
        def look(engine: EcosystemEngine) -> Mapping[str, Any]:
            # Who asks from now on may know of later ticks than this answer does.
            del self._open[name]
            return question(engine)

        async with self._turn:
            future = self._run.ask(look)
            try:
                found = await asyncio.wrap_future(future)
            except asyncio.CancelledError:
                self._open.pop(name, None)
                return None
            # A large world's text takes long to make.
            return await asyncio.to_thread(to_json, found)


def to_json(data: Mapping[str, Any]) -> bytes:
    """Return data as JSON without spaces; numbers that are not finite are an error."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
