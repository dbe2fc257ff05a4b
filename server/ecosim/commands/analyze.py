"""``ecosim analyze``: which parameters of a batch an outcome depends on."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Final

from ecosim.batch.exit_codes import EXIT_DONE, EXIT_ERROR, EXIT_MISTAKE, EXIT_SOME_FAILED
from ecosim.commands.command import Command
from ecosim.commands.output import Output, add_output_options
from ecosim.commands.values import count, positive


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", type=Path, metavar="DIR", help="the batch folder")
    parser.add_argument("--outcome", action="extend", nargs="+", default=[], metavar="NAME",
                        help="names of outcomes (--list shows them), MODULE:CALLABLE, or an SQL "
                        "query")  # fmt: skip
    parser.add_argument("--list", action="store_true",
                        help="list the outcomes that the runs have; analyse nothing")  # fmt: skip
    parser.add_argument("--method", choices=("sobol", "morris", "delta", "rbd_fast"),
                        help="how to rank (sobol for a saltelli design, morris for a morris "
                        "design, else rbd_fast, or delta where it would be deceived)")  # fmt: skip
    parser.add_argument("--replicate", action="append", type=Path, default=[], metavar="DIR",
                        help="a batch of the same design with other seeds; may be "
                        "repeated")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FOLDER",
                        help="folder of the results (DIR/analysis)")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace results that differ")
    parser.add_argument("--top", type=positive, default=20, metavar="K",
                        help="rows of a table to print (%(default)s)")  # fmt: skip
    parser.add_argument("--seed", type=count, default=0, metavar="X",
                        help="seed of the resamples (%(default)s)")  # fmt: skip
    parser.add_argument("--confidence", type=_fraction, default=0.95, metavar="P",
                        help="of the intervals, below 1 (%(default)s)")  # fmt: skip
    parser.add_argument("--resamples", type=positive, default=100, metavar="R",
                        help="bootstrap resamples (%(default)s)")  # fmt: skip
    parser.add_argument("--role", action="append", type=_role, default=[],
                        metavar="SPECIES=ROLE",
                        help="consumer, producer or decomposer, for a species whose states do not "
                        "tell; may be repeated")  # fmt: skip
    parser.add_argument("--collapse-fraction", type=_fraction, default=0.1, metavar="F",
                        help="consumers below this share of their maximum so far have collapsed "
                        "(%(default)s)")  # fmt: skip
    parser.add_argument("--late-share", type=_fraction, default=0.2, metavar="F",
                        help="share of a run that carrying capacities are means over "
                        "(%(default)s)")  # fmt: skip
    add_output_options(parser)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.list:
        return _list(arguments)
    if not arguments.outcome:
        print("error: --outcome: expected at least one; --list shows those the runs have",
              file=sys.stderr)  # fmt: skip
        return EXIT_MISTAKE
    from ecosim.analysis.definitions import Settings as OutcomeSettings
    from ecosim.analysis.results import analysis_folder, to_json, to_text, write_results
    from ecosim.analysis.sensitivity import Settings, analyze

    found = analyze(
        arguments.directory,
        arguments.outcome,
        arguments.method,
        settings=Settings(arguments.confidence, arguments.resamples, arguments.seed),
        replicates=arguments.replicate,
        outcome_settings=OutcomeSettings(arguments.collapse_fraction, arguments.late_share),
        roles=dict(arguments.role),
    )
    folder = arguments.out or analysis_folder(arguments.directory)
    paths = write_results(found.results, folder, force=arguments.force)
    output = Output(arguments)
    for one in found.results:
        output.line(to_text(one, arguments.top))
        output.line()
    for path in paths:
        output.line(f"data: {path}")
    output.document(
        {
            "results": [to_json(one) for one in found.results],
            "refused": found.refused,
            "files": [str(path) for path in paths],
        }
    )
    for name, reason in found.refused.items():
        print(f"error: {name}: {reason}", file=sys.stderr)
    if found.refused:
        return EXIT_SOME_FAILED if found.results else EXIT_ERROR
    return EXIT_DONE


def _list(arguments: argparse.Namespace) -> int:
    import numpy as np

    import ecosim.datasets
    from ecosim.analysis.definitions import Settings
    from ecosim.analysis.outcomes import outcome_table
    from ecosim.batch.execution import is_done
    from ecosim.batch.layout import BatchLayout

    dataset = ecosim.datasets.open(arguments.directory)
    table = outcome_table(
        dataset,
        arguments.outcome or None,
        settings=Settings(arguments.collapse_fraction, arguments.late_share),
        roles=dict(arguments.role),
    )
    output = Output(arguments)
    rows = []
    for one in table.outcomes:
        column = table.values[one.name]
        finite = column[np.isfinite(column)]
        lacking = table.lacking.get(one.name)
        median = float(np.median(finite)) if len(finite) else None
        told = "no run has one" if median is None else (
            f"{finite.min():.4g} .. {median:.4g} .. {finite.max():.4g} {one.unit}".rstrip()
        )  # fmt: skip
        output.line(f"{one.name}: {told}")
        output.line(f"    {lacking or one.meaning}")
        bounds = [end if math.isfinite(end) else None for end in (one.low, one.high)]
        rows.append({"name": one.name, "unit": one.unit, "range": bounds, "meaning": one.meaning,
                     "source": one.source, "runs": len(finite), "median": median,
                     "lacking": lacking})  # fmt: skip
    others = "".join(f", {number} {status}" for status, number in table.left_out.items())
    output.line(f"least, median and greatest of {len(table.run_ids)} finished runs"
                + (f"; left out: {others[2:]}" if others else ""))  # fmt: skip
    notes = list(dict.fromkeys(table.notes.values()))
    collected = dataset.table("runs", columns=["run_id"]).column("run_id").to_pylist()
    layout = BatchLayout(arguments.directory)
    later = {name for name in layout.finished() if is_done(layout, name)} - set(collected)
    if later:
        notes.append(
            f"finished runs that are not in the dataset: {len(later)}; add them, or see why they "
            f"are left out, with: ecosim collect {arguments.directory}"
        )
    for note in notes:
        output.line(f"note: {note}")
    output.document({"outcomes": rows, "left_out": table.left_out, "notes": notes})
    return EXIT_DONE


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0 and up to 1, got {text}")
    return value


def _role(text: str) -> tuple[str, str]:
    species, separator, role = text.rpartition("=")
    if not separator or not species:
        raise argparse.ArgumentTypeError(f"expected SPECIES=ROLE, got {text!r}")
    return species, role


COMMAND: Final = Command(
    name="analyze",
    help="rank the parameters of a batch by what an outcome depends on",
    examples=(
        "ecosim analyze out/batch --outcome shannon_end",
        "ecosim analyze out/batch --list",
        "ecosim analyze out/batch --method delta --outcome total_consumers_mean capacity.deer",
    ),
    add_options=_add_options,
    run=_run,
    json_keys={
        "results": "an analysis each, with the keys of its JSON file (docs/analysis.md)",
        "refused": "outcome to the reason why it could not be analysed",
        "files": "paths of what was written",
        "outcomes": "with --list alone: name, unit, range, meaning, source, runs (that have one), "
        "median, lacking (why no run has one)",
        "left_out": "with --list alone: number of runs that did not complete, by status",
        "notes": "with --list alone: what else there is to know",
    },
)
