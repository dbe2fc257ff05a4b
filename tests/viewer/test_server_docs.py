"""The page about the live server: what it shows runs, and what it lists is what there is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serve_cases import Server, packet, serving, talk

from ecosim.viewer import limits

PAGE = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found[1]


def shown_keys(title: str) -> set[str]:
    """Return the keys of the first JSON object of a section."""
    found = re.search(r"^    (\{.*?\})$(?!\n     )", section(title), re.DOTALL | re.MULTILINE)
    assert found is not None
    return set(json.loads(found[1]))


def listed_keys(title: str) -> list[set[str]]:
    """Return the keys in the first columns of a section's tables."""
    tables = re.split(r"\| key \| value \|\n", section(title))[1:]
    return [
        {key for row in re.findall(r"^\| (`.*?) \|", table.split("\n\n")[0], re.MULTILINE)
         for key in re.findall(r"`(\w+)[^`]*`", row)}
        for table in tables
    ]  # fmt: skip


def test_the_client_of_the_page_talks_to_the_server_of_the_page(tmp_path: Path) -> None:
    (command,) = re.findall(r"^    ecosim serve (.*)$", PAGE, re.MULTILINE)
    world, *words = command.split()
    program = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    with serving(*words, "--paused", folder=tmp_path, world=world) as server:
        program = program.replace("http://127.0.0.1:8765/", f"{server.url}/")
        rain = 'await client.send_json({"type": "rain", "intensity": 0.8})'
        assert rain in program
        resume = 'await client.send_json({"type": "resume"})'
        program = program.replace(rain, f"{rain}; {resume}")
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert server.ended()[0] == 0
    lines = done.stdout.splitlines()
    assert [int(line.split()[0]) for line in lines] == list(range(1, 11))
    assert "RAIN" in lines[0]


def test_the_page_shows_the_keys_of_every_answer(paused_server: Server) -> None:
    status, state = paused_server.json("/status"), paused_server.json("/state")
    title = "`GET /status` and `GET /state`"
    in_status, more_in_state = listed_keys(title)
    assert shown_keys(title) == in_status == status.keys()
    assert in_status | more_in_state == state.keys()
    assert shown_keys("`GET /layers/{name}`") == paused_server.json("/layers/moisture").keys()
    assert shown_keys("`PUT /rate`") == {"rate"}
    for name, key in (("species", "species"), ("entities", "entities"), ("ponds", "water_sources")):
        (row,) = re.findall(rf"^\| `{key}` \|(.*)", section(title), re.MULTILINE)
        listed = set(re.findall(r"\w+", re.findall(r"`(.*)`", row)[0]))
        assert listed == state[key][0].keys(), name


def test_the_page_shows_the_keys_of_a_packet(tmp_path: Path) -> None:
    (keys,) = listed_keys("`/ws`")
    seen: Mapping[str, Any] = {}
    with serving("--rate", 1000, "--no-telemetry", folder=tmp_path, world="demo") as server:

        async def gather(client: Any) -> dict[str, Any]:
            found: dict[str, Any] = {}
            await client.send_json({"type": "rain", "intensity": 1})
            while keys - found.keys():
                found |= await packet(client)
            return found

        seen = talk(server, gather)
    assert seen.keys() == keys
    for key in ("entity_updates", "entity_spawns"):
        (row,) = re.findall(rf"^\| `{key}` \|(.*)", PAGE, re.MULTILINE)
        listed = set(re.findall(r"[a-z_]{2,}", re.findall(r"`(.*)`", row)[0]))
        assert listed == set(seen[key][0])


def test_the_page_says_the_limits() -> None:
    for text in (
        f"larger than {limits.LARGEST_MESSAGE // 1024} kB",
        f"at most {limits.MESSAGES_PER_SECOND} messages a second",
        f"once {limits.MOST_WAITING_FRAMES:,} packets or {limits.MOST_WAITING_BYTES // 2**20} MiB",
        f"0 to {limits.LARGEST_REPLAY}, {limits.DEFAULT_REPLAY} when left out",
        f"keeps {limits.LARGEST_REPLAY:,} and at most {limits.LARGEST_REPLAY_BYTES // 2**20} MiB",
        f"nothing for {limits.HEARTBEAT_S:g} s",
        f"comes within {limits.HEARTBEAT_S / 2:g} s",
        f"At most {limits.MOST_CLIENTS} WebSockets",
        f"at most {limits.HIGHEST_RATE:g}, answered",
    ):
        assert text in PAGE.replace("\n", " "), text
