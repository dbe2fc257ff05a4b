"""Settings: what is accepted, and what is said of the rest."""

import enum
from pathlib import Path

import numpy as np
import pytest

from ecosim.telemetry_config import (
    DEFAULT_VARIABLES,
    TelemetryConfig,
    check_run_id,
    new_run_id,
)
from ecosim.telemetry_errors import TelemetryConfigError


def test_the_defaults_are_those_of_the_documentation():
    config = TelemetryConfig()
    assert (config.enabled, config.interval, config.format, config.events) == (
        True,
        50,
        "jsonl",
        True,
    )
    assert config.variables == DEFAULT_VARIABLES
    assert (config.ring_capacity, config.on_full, config.on_error) == (65536, "drain", "raise")
    assert config.overwrite is False


def test_keywords_and_a_mapping_say_the_same():
    settings = {"interval": 5, "output_dir": "x", "variables": ["hunger"], "_why": "a comment"}
    assert TelemetryConfig.from_mapping(settings) == TelemetryConfig(
        interval=5, output_dir=Path("x"), variables=("hunger",)
    )
    assert TelemetryConfig.of(settings) == TelemetryConfig.from_mapping(settings)
    assert TelemetryConfig.of(False).enabled is False
    assert TelemetryConfig.of(None) == TelemetryConfig.of(True) == TelemetryConfig()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"interval": 0}, r"telemetry.interval: expected an integer >= 1, got 0"),
        ({"interval": True}, r"telemetry.interval: expected an integer >= 1, got True"),
        ({"interval": np.array(3.5)}, r"telemetry.interval: expected an integer >= 1, got array"),
        ({"interval": 2.0}, r"telemetry.interval: expected an integer >= 1, got 2.0"),
        ({"intervall": 5}, r"telemetry.intervall: unknown setting; did you mean 'interval'\?"),
        ({"zzz": 5}, r"telemetry.zzz: unknown setting; known: enabled, interval"),
        ({4: 5}, r"telemetry.4: unknown setting"),
        ({"enabled": 1}, r"telemetry.enabled: expected true or false, got 1"),
        ({"events": "no"}, r"telemetry.events: expected true or false"),
        ({"format": "csv"}, r"telemetry.format: expected 'jsonl' or 'parquet', got 'csv'"),
        ({"variables": "hunger"}, r"telemetry.variables: expected a list of one or more names"),
        ({"variables": []}, r"telemetry.variables: expected a list of one or more names"),
        ({"variables": ["a", "a"]}, r"telemetry.variables: expected each name once"),
        ({"ring_capacity": 0}, r"telemetry.ring_capacity: expected an integer in 1..16777216"),
        ({"on_error": "ignore"}, r"telemetry.on_error: expected 'raise' or 'disable'"),
        ({"on_full": None}, r"telemetry.on_full: expected 'drain' or 'drop', got None"),
        ({"output_dir": ""}, r"telemetry.output_dir: expected the path of a folder"),
        ({"output_dir": "a\0b"}, r"telemetry.output_dir: expected the path of a folder"),
        ({"output_dir": 3}, r"telemetry.output_dir: expected the path of a folder"),
        ("on", r"telemetry: expected a mapping, got 'on'"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(settings, message):
    with pytest.raises(TelemetryConfigError, match=message):
        TelemetryConfig.from_mapping(settings)


@pytest.mark.parametrize("run_id", ["a", "run-0001", "A.b_c-9", "x" * 128])
def test_a_run_id_names_files_safely(run_id):
    assert check_run_id(run_id) == run_id


class Chosen(enum.StrEnum):
    RUN = "run-1"
    FULL = "drop"


def test_text_and_numbers_of_any_class_become_plain_ones():
    assert type(check_run_id(Chosen.RUN)) is str
    config = TelemetryConfig(interval=np.int64(5), on_full=Chosen.FULL, variables=(Chosen.RUN,))
    assert (config.interval, config.on_full) == (5, "drop")
    assert (type(config.interval), type(config.on_full)) == (int, str)
    assert [type(name) for name in config.variables] == [str]


def test_a_made_up_run_id_is_a_run_id_and_new_each_time():
    first, second = new_run_id(), new_run_id()
    assert check_run_id(first) == first != second


@pytest.mark.parametrize(
    "run_id", ["", "../../x", "a/b", "a\\b", "x" * 300, "a\n", ".hidden", "-x", "é", "a b", None, 3]
)
def test_any_other_run_id_is_refused(run_id):
    with pytest.raises(TelemetryConfigError, match="run_id: expected 1 to 128 letters"):
        check_run_id(run_id)
