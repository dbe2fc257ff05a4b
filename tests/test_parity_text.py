"""Text byte for byte: numbers as repr has them, strings as json.dumps has them."""

import json
import math
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity import Twins, compiled_core

if compiled_core() is None:
    pytest.skip("the compiled core is not built", allow_module_level=True)

from ecosim._telemetry_core import number_text


def expected(value: float) -> str:
    return repr(value) if math.isfinite(value) else "null"


@settings(max_examples=2000, deadline=None)
@given(st.floats())
def test_a_number_reads_as_its_repr(value):
    assert number_text(value) == expected(value)


def test_any_bits_read_as_their_repr():
    draw = random.Random(11)
    for _ in range(100_000):
        (value,) = struct.unpack("<d", draw.randbytes(8))
        assert number_text(value) == expected(value)


def test_numbers_near_powers_of_two_and_ten_read_as_their_repr():
    centres = [math.ldexp(1.0, power) for power in range(-1074, 1024)]
    centres += [float(f"{digits}e{power}") for power in range(-330, 309) for digits in ("1", "9.5")]
    for centre in centres:
        for value in (math.nextafter(centre, 0), centre, math.nextafter(centre, math.inf), -centre):
            assert number_text(value) == expected(value)


def test_short_decimals_and_whole_numbers_read_as_their_repr():
    draw = random.Random(13)
    for _ in range(50_000):
        for value in (
            float(draw.randrange(10 ** draw.randrange(1, 23))),
            round(draw.random() * 10 ** draw.randrange(6), draw.randrange(17)),
        ):
            assert number_text(value) == repr(value)


@settings(max_examples=300, deadline=None)
@given(st.text(), st.text(), st.dictionaries(st.text(), st.text(), max_size=3))
def test_any_text_is_escaped_as_json_escapes_it(run_id, identity, extra):
    twins = Twins(run_id, ("hunger",))
    twins.call("begin_tick", 1)
    twins.call("record", identity, 1, identity, run_id, None, extra)
    twins.call("declare_species", identity)
    twins.call("close_sample")
    sample, events = (json.loads(line) for line in twins.take().splitlines())
    assert sample["run_id"] == events["run_id"] == run_id
    assert list(sample["events"]["by_type"]) == [identity]
    assert events["extra"] == ({"0": extra} if extra else {})
