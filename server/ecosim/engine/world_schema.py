"""Walk the records of a world by path and put into words what each place takes."""

from __future__ import annotations

import types
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as limits
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ecosim.engine.world_models import Expected


@dataclass(frozen=True)
class Node:
    """The type of one place in a world, without None, and the notes beside it."""

    kind: Any
    notes: tuple[Any, ...] = ()
    nullable: bool = False

    @property
    def record(self) -> type[BaseModel] | None:
        """The record that stands here, if one does."""
        is_record = isinstance(self.kind, type) and issubclass(self.kind, BaseModel)
        return self.kind if is_record else None

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that may stand here, if only some may."""
        if get_origin(self.kind) in (Union, types.UnionType):
            return tuple(word for arm in get_args(self.kind) for word in node_of(arm).choices)
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()


def node_of(annotation: Any, notes: Iterable[Any] = ()) -> Node:
    """Return the node of a type annotation: its notes gathered, its None set aside."""
    gathered: list[Any] = []
    for note in notes:
        gathered.extend(note.metadata if isinstance(note, FieldInfo) else [note])
    if get_origin(annotation) is Annotated:
        inner, *own = get_args(annotation)
        return node_of(inner, [*own, *gathered])
    if get_origin(annotation) in (Union, types.UnionType):
        arms = [arm for arm in get_args(annotation) if arm is not type(None)]
        if len(arms) < len(get_args(annotation)):
            inside = arms[0] if len(arms) == 1 else Union[tuple(arms)]  # noqa: UP007
            node = node_of(inside, gathered)
            return Node(node.kind, node.notes, nullable=True)
    return Node(annotation, tuple(gathered))


def child(node: Node, key: str | int) -> Node | None:
    """Return the node under a key or index, or None where the type has no such place."""
    if node.record is not None:
        field = node.record.model_fields.get(key) if isinstance(key, str) else None
        return node_of(field.annotation, field.metadata) if field is not None else None
    arguments = get_args(node.kind)
    if get_origin(node.kind) is tuple and isinstance(key, int):
        if arguments[-1] is Ellipsis:
            return node_of(arguments[0])
        return node_of(arguments[key]) if 0 <= key < len(arguments) else None
    if get_origin(node.kind) is dict and isinstance(key, str):
        return node_of(arguments[1])
    return node_of(Any) if node.kind is Any else None


def node_at(root: Node, location: Iterable[str | int]) -> Node | None:
    """Return the node at a location below ``root``, or None where there is none."""
    node: Node | None = root
    for key in location:
        node = child(node, key) if node is not None else None
    return node


def names_at(node: Node | None) -> tuple[str, ...]:
    """Return the keys of the record at a node; none if it is no record."""
    return tuple(node.record.model_fields) if node is not None and node.record is not None else ()


def describe(node: Node) -> str:
    """Return in words what a place takes, as in ``expected a number > 0``."""
    for note in node.notes:
        if isinstance(note, Expected):
            return str(note)
    suffix = " or null" if node.nullable else ""
    if node.choices:
        return f"one of {', '.join(node.choices)}{suffix}"
    if node.kind in (int, float):
        noun = "an integer" if node.kind is int else "a number"
        return f"{noun}{_bounds(node.notes)}{suffix}"
    if get_origin(node.kind) is tuple:
        return _describe_list(get_args(node.kind)) + suffix
    if node.kind is str:
        return f"text{suffix}"
    return f"an object{suffix}"


def _bounds(notes: tuple[Any, ...]) -> str:
    """Return the bounds among a field's notes in words, with a leading space."""
    low = high = ""
    for note in notes:
        if isinstance(note, limits.Gt):
            low = f"> {_number(note.gt)}"
        elif isinstance(note, limits.Ge):
            low = f">= {_number(note.ge)}"
        elif isinstance(note, limits.Le):
            high = f"<= {_number(note.le)}"
    if low.startswith(">= ") and high:
        return f" from {low[3:]} to {high[3:]}"
    return f" {' and '.join(part for part in (low, high) if part)}" if low or high else ""


def _number(bound: Any) -> str:
    """Return a bound in digits, without a point where it is whole."""
    return str(int(bound)) if bound == int(bound) else repr(bound)


def _describe_list(arguments: tuple[Any, ...]) -> str:
    """Return a list type in words."""
    inner = node_of(arguments[0])
    if arguments[-1] is Ellipsis:
        noun = "objects" if inner.record is not None else "names"
        return f"a list of {noun}"
    noun = describe(inner).removeprefix("an ").removeprefix("a ")
    plural = noun.replace("number", "numbers", 1).replace("integer", "integers", 1)
    return f"a list of {len(arguments)} {plural}"
