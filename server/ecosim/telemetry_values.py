"""Values as a host hands them over, turned into plain numbers, strings and buffers.

Every check of a value is here, so that both backends refuse the same things in the same words.
Each function takes ``where``, the place in the host that the value came from, for its error.
"""

from __future__ import annotations

import math
import operator
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ecosim.telemetry_errors import HostError

#: Escaped backslashes and surrogate pairs, to pass over; and lone surrogates, as group 1.
_SURROGATES: Final = re.compile(
    rb"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(\\ud[89a-f][0-9a-f]{2})"
)

_FLOATS: Final = "a buffer of float64 or float32 (such as a numpy array)"
_INTEGERS: Final = "a buffer of integers (such as a numpy array)"
_SIGNED: Final = {1: "b", 2: "h", 4: "i", 8: "q"}
_UNSIGNED: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}
_NATIVE_ORDER: Final = "@=" + ("<" if sys.byteorder == "little" else ">!")


def describe(value: object, limit: int = 60) -> str:
    """Return the value as an error shows it: its repr, cut short, and its type."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<no repr: {type(error).__name__}>"
    if len(text) > limit:
        text = text[: limit - 3] + "..."
    return f"{text} ({type(value).__name__})"


def number(value: Any, where: str) -> float:
    """Return the value as a float; NaN and infinities pass.

    Raises
    ------
    HostError
        It is a string, a bool, or anything else that does not convert to a double.
    """
    if type(value) is float:
        return value
    numeric = hasattr(value, "__float__") or hasattr(value, "__index__")
    if not numeric or isinstance(value, (str, bool)):
        raise HostError(f"{where}: expected a number, got {describe(value)}")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise HostError(
            f"{where}: expected a number that fits a double, got {describe(value)}"
        ) from error


def exact_integer(value: Any) -> Any:
    """Return an integer of any class as an int, whose arithmetic never wraps; else the value."""
    return value.__index__() if hasattr(value, "__index__") else value


def integer_or_none(value: Any) -> int | None:
    """Return an integer of any class as an int; None for anything else, a bool included."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:  # an array has __index__, and most arrays are no integer
        return None


def name(value: Any, where: str) -> str:
    """Return the value, which must be a string."""
    if not isinstance(value, str):
        raise HostError(f"{where}: expected a string, got {describe(value)}")
    return str.__str__(value)


def identifier(value: Any, where: str) -> str | None:
    """Return an entity id as text: a string or None as it is, an integer in decimal."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    integer = integer_or_none(value)
    if integer is None:
        raise HostError(f"{where}: expected a string, an integer or None, got {describe(value)}")
    return str(integer)


def whole_number(value: Any, where: str) -> int:
    """Return the value as an int in 0..2**53, which every reader of JSON keeps exactly."""
    if type(value) is int and 0 <= value <= 2**53:
        return value
    result = integer_or_none(value)
    if result is None:
        raise HostError(f"{where}: expected an integer >= 0, got {describe(value)}")
    if not 0 <= result <= 2**53:
        raise HostError(f"{where}: expected an integer in 0..2**53, got {describe(value)}")
    return result


def position(value: Any, where: str) -> tuple[float, float, float] | None:
    """Return a position as three floats, or None."""
    if value is None:
        return None
    try:
        x, y, z = value
    except (TypeError, ValueError) as error:
        raise HostError(
            f"{where}: expected three numbers [x, y, z] or None, got {describe(value)}"
        ) from error
    return number(x, where), number(y, where), number(z, where)


def plain(value: Any, where: str) -> Any:
    """Return a copy of the value in JSON's own types: what a host puts beside an event, say.

    A number that is not finite becomes None. Arrays and scalars of numpy pass through ``tolist``.

    Raises
    ------
    HostError
        It holds something JSON has no type for, or is nested too deeply.
    """
    try:
        return _plain(value, where)
    except RecursionError:
        raise HostError(f"{where}: expected a value nested less deeply") from None


def plain_seed(value: Any, where: str) -> Any:
    """Return a seed as :func:`plain` does, but an integer beyond 64 bits in decimal, as text.

    Generators of numbers take such seeds, and many readers of JSON would round them.
    """
    integer = integer_or_none(value)
    if integer is None:
        return plain(value, where)
    return integer if abs(integer) < 2**63 else str(integer)


def _plain(value: Any, where: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)  # str() of a string Enum is its name
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if callable(getattr(value, "tolist", None)):
        return _plain(value.tolist(), where)
    if hasattr(value, "__index__"):
        integer = int(value.__index__())
        if abs(integer) >= 2**63:
            raise HostError(f"{where}: expected an integer of 64 bits, got {describe(value)}")
        return integer
    result = number(value, where)
    return result if math.isfinite(result) else None


def readable(text: bytes) -> bytes:
    """Return JSON text with U+FFFD for every lone surrogate, which no UTF-8 reader would take."""
    # One byte is found many times faster than three.
    if b"\\" not in text or b"\\ud" not in text:
        return text
    return _SURROGATES.sub(lambda found: found[0] if found[1] is None else b"\\ufffd", text)


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return the value, which must be a mapping."""
    # What most are is seen at once; the test of an abstract class is several times dearer.
    if type(value) is not dict and not isinstance(value, Mapping):
        raise HostError(f"{where}: expected a mapping, got {describe(value)}")
    return value


def float_buffer(value: Any, length: int | None, where: str) -> memoryview[Any]:
    """Return a contiguous view of ``length`` doubles or floats in C order (any length if None).

    Contiguous data is not copied; a strided array is gathered first. Only native byte order passes.
    """
    view = _buffer(value, where, _FLOATS)
    return _flat(view, _float_code(view, where), length, where)


def layer_buffer(value: Any, dimensions: Sequence[int] | None, where: str) -> memoryview[Any]:
    """Return the cells of a voxel layer as :func:`float_buffer` does, any number if None.

    A layer of three axes has those of the grid; one of fewer has as many values as it has cells.
    """
    if dimensions is None:
        return float_buffer(value, None, where)
    cells = float_buffer(value, math.prod(dimensions), where)
    shape = buffer_shape(value, where) or ()
    if len(shape) == 3 and shape != tuple(dimensions):
        expected, got = (" x ".join(map(str, sides)) for sides in (dimensions, shape))
        raise HostError(f"{where}: expected {expected} cells, got {got}")
    return cells


def code_buffer(value: Any, length: int | None, where: str) -> memoryview[Any]:
    """Return a contiguous view of ``length`` integers (any length if None)."""
    view = _buffer(value, where, _INTEGERS)
    return _flat(view, _integer_code(view, where), length, where)


def column(value: Any, length: int | None, where: str, *, floats: bool) -> memoryview[Any]:
    """Return a live view of ``length`` numbers (any if None) in one dimension, strided or not.

    Parameters
    ----------
    floats : bool
        Whether they are float64 or float32; else they are integers.
    """
    view = _buffer(value, where, _FLOATS if floats else _INTEGERS)
    code = _float_code(view, where) if floats else _integer_code(view, where)
    shape = view.shape or ()
    if len(shape) != 1:
        raise HostError(f"{where}: expected one dimension, got {len(shape)}")
    if length is not None and shape[0] != length:
        raise HostError(f"{where}: expected {length} values, got {shape[0]}")
    if view.format.lstrip("@") in tuple("bhilqnBHILQNdf"):
        return view
    if not view.c_contiguous:
        raise HostError(
            f"{where}: expected native numbers side by side, got format {view.format!r}"
        )
    return view.cast("B").cast(code) if shape[0] else memoryview(b"").cast(code)


def code_name(names: Sequence[str], code: int, column: str, row: int) -> str | None:
    """Return the name of a code; None for a negative one."""
    if code < 0:
        return None
    if code >= len(names):
        raise HostError(f"{column}[{row}]: expected a code below {len(names)}, got {code}")
    return names[code]


def buffer_shape(value: Any, where: str) -> tuple[int, ...] | None:
    """Return the shape of a buffer of numbers."""
    return _buffer(value, where, _FLOATS).shape


def _buffer(value: Any, where: str, expected: str) -> memoryview[Any]:
    try:
        return memoryview(value)
    except TypeError as error:
        raise HostError(f"{where}: expected {expected}, got {describe(value)}") from error


def _float_code(view: memoryview[Any], where: str) -> Any:
    code = view.format.lstrip(_NATIVE_ORDER)
    if code not in ("d", "f"):
        raise HostError(f"{where}: expected native float64 or float32, got format {view.format!r}")
    return code


def _integer_code(view: memoryview[Any], where: str) -> Any:
    code = view.format.lstrip(_NATIVE_ORDER)
    if code in tuple("bhilqn"):
        return _SIGNED[view.itemsize]
    if code in tuple("?BHILQN"):
        return _UNSIGNED[view.itemsize]
    raise HostError(f"{where}: expected native integers, got format {view.format!r}")


def _flat(view: memoryview, code: Any, length: int | None, where: str) -> memoryview[Any]:
    size = view.nbytes // view.itemsize
    if length is not None and size != length:
        shape = " x ".join(map(str, view.shape or ())) or "a single value"
        raise HostError(f"{where}: expected {length} values, got {size} ({shape})")
    if size == 0:
        return memoryview(b"").cast(code)
    if view.c_contiguous:
        return view.cast("B").cast(code)
    return memoryview(view.tobytes()).cast(code)


def depth_bands(value: Any, depth: int, where: str) -> tuple[tuple[int, int], ...]:
    """Return bands of depths with their versions as pairs (end, version) of int.

    Parameters
    ----------
    depth : int
        Where the last band ends; 0 for a grid without depths, for which there are no bands.
    """
    if depth < 1:
        raise HostError(f"{where}: expected a grid with dimensions and cells beside versions")
    try:
        pairs = [(end, version) for end, version in value]
    except (TypeError, ValueError) as error:
        raise HostError(
            f"{where}: expected pairs (depth_end, version), got {describe(value)}"
        ) from error
    bands = []
    last = 0
    for end, version in pairs:
        band = _integer(end, where), _integer(version, where)
        if band[0] <= last:
            raise HostError(f"{where}: expected depths that rise, got {band[0]} after {last}")
        last = band[0]
        bands.append(band)
    if last != depth:
        raise HostError(f"{where}: expected bands down to the depth of {depth}, got {last}")
    return tuple(bands)


def _integer(value: Any, where: str) -> int:
    integer = integer_or_none(value)
    if integer is None:
        raise HostError(f"{where}: expected pairs of integers, got {describe(value)}")
    return integer


def grid_dimensions(value: Any, where: str) -> tuple[int, int, int]:
    """Return the number of cells along x, y and z."""
    try:
        nx, ny, nz = value
    except (TypeError, ValueError) as error:
        raise HostError(f"{where}: expected [nx, ny, nz], got {describe(value)}") from error
    return whole_number(nx, where), whole_number(ny, where), whole_number(nz, where)
