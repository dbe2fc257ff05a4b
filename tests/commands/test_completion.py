"""Completion, tried in a bash of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from command_bench import Bench

#: Completes the last of the words as bash does when Tab is pressed, and prints what it would offer.
TAB = """
source completion.bash
[[ $(complete -p ecosim) =~ -F\\ ([^ ]+) ]]
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
${BASH_REMATCH[1]} ecosim "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def offered(bench: Bench):
    """Return what bash offers for a command line, in a folder with two files and a folder."""
    bash = shutil.which("bash")
    assert bash is not None
    bench.write("completion.bash", bench("completion bash").out)
    bench.write("my_world.json", "{}")
    bench.write("tab.bash", TAB)
    (bench.folder / "my_batch").mkdir()

    def offer(*words: str) -> set[str]:
        done = subprocess.run(
            [bash, "--norc", "tab.bash", "ecosim", *words],
            cwd=bench.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return set(done.stdout.split())

    return offer


def test_bash_completes_commands_options_choices_files_and_names(offered) -> None:
    assert {"run", "batch", "collect", "validate", "info", "completion"} <= offered("")
    assert offered("ba") == {"batch"}
    assert offered("batch", "") == {"run", "status", "verify", "rerun", "merge"}
    assert offered("batch", "--sam") == {"--sampler"}
    assert offered("batch", "--sampler", "") == {"sobol", "saltelli", "lhs", "morris"}
    assert offered("batch", "run", "--seed-mode", "c") == {"common"}
    assert offered("batch", "verify", "--re") == {"--rerun"}
    assert offered("batch", "status", "my") == {"my_batch"}
    assert offered("batch", "--out", "my") == {"my_batch"}
    assert offered("batch", "--design", "my") == {"my_batch", "my_world.json"}
    assert offered("batch", "--world", "m") == {"minimal", "my_batch", "my_world.json"}
    assert offered("batch", "--space", "d") == {"default"}
    assert offered("run", "dem") == {"demo"}
    assert offered("completion", "") == {"bash", "zsh", "tcsh"}
    assert offered("no-such-command", "--") == {"--help", "--version"}


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_the_other_shells_read_their_scripts(bench: Bench, tmp_path: Path, shell: str) -> None:
    script = bench(f"completion {shell}").out
    for word in ("batch", "status", "sampler", "demo" if shell == "zsh" else "world"):
        assert word in script
    if program := shutil.which(shell):
        bench.write("script", script)
        subprocess.run([program, "-n", "script"], cwd=tmp_path, check=True)
