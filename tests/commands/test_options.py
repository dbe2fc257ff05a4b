"""Every option of the tree does what its help says; one without a case here fails."""

from __future__ import annotations

import action_option_cases
import analyze_option_cases
import batch_option_cases
import live_option_cases
import pytest
import run_option_cases
from command_bench import SMALL_BATCH, Bench, tree_options

CASES = {
    **run_option_cases.CASES,
    **batch_option_cases.CASES,
    **action_option_cases.CASES,
    **analyze_option_cases.CASES,
    **live_option_cases.CASES,
}

#: One function, and so one run, may show several options.
GROUPS = {
    case: ", ".join(
        f"{command} {option}" for (command, option), one in CASES.items() if one is case
    )
    for case in CASES.values()
}


@pytest.mark.parametrize("case", list(GROUPS), ids=list(GROUPS.values()))
def test_an_option_has_an_effect(case, bench: Bench) -> None:
    case(bench)


def test_every_option_of_the_tree_has_a_case_and_no_case_is_idle() -> None:
    options = set(tree_options())
    again = {(command, option) for command, option in options if command == "ecosim batch run"}
    assert CASES.keys() == options - again
    assert {option for _, option in again} == {
        option for command, option in options if command == "ecosim batch"
    }


def test_batch_run_is_batch(bench: Bench) -> None:
    bench(f"{SMALL_BATCH} --interval 2 --out one")
    bench(f"{SMALL_BATCH.replace('batch', 'batch run')} --interval 2 --out two")
    assert bench.plan("one") == bench.plan("two")
    assert bench.finished("one") == bench.finished("two")
