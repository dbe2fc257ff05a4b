"""Snapshots of a batch's runs come from workers that do not share its folder."""

import json
from pathlib import Path

import pytest
from batch_cases import HERE, write_space
from clusters import Cluster

from ecosim.batch.cluster import DaskExecutor
from ecosim.batch.options import BatchSettings
from ecosim.batch.prepare import create_batch
from ecosim.batch.progress import PlainProgress
from ecosim.batch.runner import run_batch
from ecosim.batch.verify import damaged_runs
from ecosim.datasets import snapshots
from ecosim.engine.world import load_world


def test_a_store_is_handed_over_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = load_world("minimal").to_dict()
    world["telemetry"] = {"voxel_snapshots": {"every": 3, "layers": ["moisture"]}}
    path, out = tmp_path / "world.json", tmp_path / "out"
    path.write_text(json.dumps(world), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    settings = BatchSettings(world=str(path), space=write_space(tmp_path), n=2, ticks=6, seed=3)
    with Cluster(tmp_path) as cluster, (tmp_path / "progress").open("w") as shown:
        cluster.start_worker()
        batch = create_batch(settings, out)
        with DaskExecutor(batch, cluster.address) as dask:
            (sign,) = out.glob("cluster-*.sign")
            sign.unlink()  # so the worker does not see the folder
            dask.probe()
            report = run_batch(batch, dask, PlainProgress(shown))
    assert (report.ending, report.done) == ("finished", 2)
    data = snapshots.open(out)
    assert [data.run(run_id).ticks.tolist() for run_id in data.runs] == [[0, 3, 6]] * 2
    assert all(data.run(run_id).is_closed for run_id in data.runs)
    assert list(damaged_runs(batch)) == []
