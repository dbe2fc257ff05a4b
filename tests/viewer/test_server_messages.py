"""Control messages and rates: the ones of the protocol are read, all else is refused in words."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecosim.viewer.messages import Control, Refusal, error_frame, read_control, read_rate


@pytest.mark.parametrize(
    ("text", "control"),
    [
        ('{"type": "pause"}', Control("pause")),
        (' {"type":"resume"} ', Control("resume")),
        ('{"type": "stop"}', Control("stop")),
        ('{"type": "rain", "intensity": 0.25}', Control("rain", 0.25)),
        ('{"intensity": 1, "type": "rain"}', Control("rain", 1.0)),
        ('{"type": "rain", "intensity": -0.0}', Control("rain", 0.0)),
    ],
)
def test_the_messages_of_the_protocol_are_read(text: str, control: Control) -> None:
    assert read_control(text) == control


@pytest.mark.parametrize(
    ("text", "expected", "got"),
    [
        ("", "a JSON object", "none"),
        ("pause", "a JSON object", "none"),
        ("[" * 4096, "a JSON object", "deeply"),
        ('{"a":' * 700, "a JSON object", ""),
        ('"pause"', "a JSON object", "'pause' (str)"),
        ("[]", "a JSON object", "[] (list)"),
        ("null", "a JSON object", "None"),
        ("{}", "pause, resume, stop, rain", "None"),
        ('{"type": "Pause"}', "pause, resume, stop, rain", "'Pause'"),
        ('{"type": ["pause"]}', "pause, resume, stop, rain", "['pause']"),
        ('{"type": "pause", "at": 3}', "'type'", "also 'at'"),
        ('{"type": "pause", "type": "stop"}', "a JSON object", "twice"),
        ('{"type": "rain"}', "'intensity'", "no 'intensity'"),
        ('{"type": "rain", "intensity": 0.5, "area": 1}', "'intensity'", "also 'area'"),
        ('{"type": "rain", "intensity": true}', "a number from 0 to 1", "True (bool)"),
        ('{"type": "rain", "intensity": "0.5"}', "a number from 0 to 1", "'0.5' (str)"),
        ('{"type": "rain", "intensity": null}', "a number from 0 to 1", "None"),
        ('{"type": "rain", "intensity": 1.01}', "a number from 0 to 1", "1.01"),
        ('{"type": "rain", "intensity": -1e-9}', "a number from 0 to 1", "-1e-09"),
        ('{"type": "rain", "intensity": NaN}', "a JSON object", "NaN"),
        ('{"type": "rain", "intensity": -Infinity}', "a JSON object", "Infinity"),
        ('{"type": "rain", "intensity": 1e999}', "a number from 0 to 1", "inf"),
        ('{"type": "rain", "intensity": 1' + "0" * 400 + "}", "a number from 0 to 1", "1000"),
        ('{"type": "\\ud800"}', "pause, resume, stop, rain", "ud800"),
    ],
)
def test_anything_else_is_refused_and_says_what_was_expected(
    text: str, expected: str, got: str
) -> None:
    refusal = read_control(text)
    assert isinstance(refusal, Refusal)
    assert expected in refusal.reason
    assert got in refusal.reason
    assert len(refusal.reason) < 300
    assert json.loads(error_frame(refusal.reason)) == {"type": "error", "message": refusal.reason}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("type"), inner),
)


@given(st.text() | _JSON.map(json.dumps))
@example('{"type": "rain", "intensity": 1e-400}')
def test_no_text_raises_and_what_is_read_is_in_range(text: str) -> None:
    for read in (read_control, read_rate):
        found = read(text)
        if isinstance(found, Control):
            assert set(json.loads(text)) <= {"type", "intensity"}
            assert found.type != "rain" or 0 <= (found.intensity or 0) <= 1
        elif isinstance(found, float):
            assert 0 < found <= 1000
            assert math.isfinite(found)
        else:
            json.loads(error_frame(found.reason))


@pytest.mark.parametrize(("text", "rate"), [('{"rate": 20}', 20.0), ('{"rate": 0.5}', 0.5)])
def test_a_rate_is_read(text: str, rate: float) -> None:
    assert read_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "20", "{}", '{"rate": 0}', '{"rate": 1000.1}', '{"rate": "1"}', '{"rate": true}',
             '{"rate": 1, "x": 1}', '{"rate": NaN}']
)  # fmt: skip
def test_another_rate_is_refused(text: str) -> None:
    assert isinstance(read_rate(text), Refusal)
