"""Conditions on a row's columns, read with Python's grammar and computed by a short list of what is allowed.

    score >= 3        1 <= length < 200        source in ["web", "book"]        lang == "zh" and not (draft or 评分 < 2)
    meta.score > 0.5  column("quality score") >= 3      "广告" not in tags       checked == true      note != null

Columns, `.` into nested objects, numbers, strings, lists, true, false, null, comparisons, and, or, not. No calls but
`column(...)`, for names that are no identifiers; no arithmetic. Nothing of Python can be reached.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from finetrie.errors import ConfigError

_CONSTANTS = {"true": True, "false": False, "null": None}
_SAID = {"true": True, "1": True, "false": False, "0": False}
_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FIX = (
    'write a condition such as score >= 3, source in ["a", "b"], or lang == "zh" and not draft; a column whose name '
    'is no identifier is column("quality score")'
)
MOST_DEPTH = 50


class Undecided(Exception):
    """A row does not have what a condition asks about."""


class Condition:
    """One condition, read and checked once, then asked of every row.

    Raises:
        ConfigError: it is no condition, or uses something that is not allowed.
    """

    def __init__(self, source: str) -> None:
        self.source = source.strip()
        try:
            self._tree = ast.parse(self.source, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ConfigError(f"{self.source!r} is not a condition", fix=_FIX) from None
        self._columns: dict[tuple[str, ...], None] = {}  # an ordered set
        self._check(self._tree, MOST_DEPTH)
        if not self._columns:
            raise ConfigError(f"{self.source!r} names no column", fix=_FIX)

    def holds(self, columns: Mapping[str, Any]) -> bool:
        """Whether the row's columns fulfil the condition.

        Raises:
            Undecided: a column is not there, or its value cannot be compared.
        """
        return _truth(_value(self._tree, columns), self._tree)

    def values(self, columns: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """The columns that the condition names, with the row's values; those the row lacks are left out."""
        found = []
        for path in self._columns:
            try:
                found.append((".".join(path), _look_up(path, columns)))
            except Undecided:
                continue
        return found

    def _check(self, node: ast.expr, depth: int) -> None:
        if depth == 0:
            raise ConfigError(f"{self.source[:60]!r}... is nested too deeply", fix="write several shorter conditions")
        path = _path(node)
        if path is not None:
            if path[0] not in _CONSTANTS or len(path) > 1:
                self._columns[path] = None
            return
        for child in self._parts(node):
            self._check(child, depth - 1)

    def _parts(self, node: ast.expr) -> list[ast.expr]:
        if isinstance(node, ast.BoolOp):
            return node.values
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
            return [node.operand]
        if isinstance(node, ast.Compare) and all(
            isinstance(op, (ast.Eq, ast.NotEq, ast.In, ast.NotIn, *_ORDER)) for op in node.ops
        ):
            return [node.left, *node.comparators]
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return node.elts
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float, bool, type(None))):
            return []
        raise ConfigError(f"{self.source!r}: {ast.unparse(node)!r} is not allowed in a condition", fix=_FIX)


def _path(node: ast.expr) -> tuple[str, ...] | None:
    """The column that an expression names: `score`, `meta.score`, `column("quality score")`; None for another."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        outer = _path(node.value)
        return None if outer is None else (*outer, node.attr)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "column":
        names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        if len(names) == len(node.args) == 1 and isinstance(names[0], str) and not node.keywords:
            return (names[0],)
    return None


def _look_up(path: tuple[str, ...], columns: Mapping[str, Any]) -> Any:
    value: Any = columns
    for place, name in enumerate(path):
        if not isinstance(value, Mapping) or name not in value:
            raise Undecided(f"there is no column {'.'.join(path[: place + 1])!r}")
        value = value[name]
    return value


def _value(node: ast.expr, columns: Mapping[str, Any]) -> Any:
    path = _path(node)
    if path is not None:
        is_constant = len(path) == 1 and path[0] in _CONSTANTS and path[0] not in columns
        return _CONSTANTS[path[0]] if is_constant else _look_up(path, columns)
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return [_value(item, columns) for item in node.elts]
    if isinstance(node, ast.BoolOp):
        wanted = isinstance(node.op, ast.Or)
        return wanted if any(_truth(_value(v, columns), v) == wanted for v in node.values) else not wanted
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, columns)
        return not _truth(value, node.operand) if isinstance(node.op, ast.Not) else -_number(value, node.operand)
    assert isinstance(node, ast.Compare)
    sides = [node.left, *node.comparators]
    values = [_value(side, columns) for side in sides]
    return all(_compare(op, (values[n], sides[n]), (values[n + 1], sides[n + 1])) for n, op in enumerate(node.ops))


def _compare(op: ast.cmpop, left: tuple[Any, ast.expr], right: tuple[Any, ast.expr]) -> bool:
    if isinstance(op, (ast.Eq, ast.NotEq)):
        return _equal(left[0], right[0]) == isinstance(op, ast.Eq)
    if isinstance(op, (ast.In, ast.NotIn)):
        return _contains(right, left[0]) == isinstance(op, ast.In)
    numbers = [_as_number(value) for value, _ in (left, right)]
    if None in numbers and isinstance(left[0], str) and isinstance(right[0], str):
        return _ORDER[type(op)](left[0], right[0])  # dates: day >= "2024-01-01"
    return _ORDER[type(op)](_number(*left), _number(*right))


def _equal(left: Any, right: Any) -> bool:
    """Whether two values agree; a table's "3" equals the number 3, and its "true" the value true."""
    if isinstance(left, bool) or isinstance(right, bool):
        return _as_bool(left) is _as_bool(right) and _as_bool(left) is not None
    if isinstance(left, str) != isinstance(right, str):
        a, b = _as_number(left), _as_number(right)
        return a is not None and a == b
    return bool(left == right)


def _contains(container: tuple[Any, ast.expr], item: Any) -> bool:
    values, node = container
    if isinstance(values, str):
        return isinstance(item, str) and item in values
    if isinstance(values, (list, tuple)):
        return any(_equal(value, item) for value in values)
    raise Undecided(f"{ast.unparse(node)} is {values!r}, not a list or a text"[:120])


def _truth(value: Any, node: ast.expr) -> bool:
    """A column by itself, such as `draft`, holds where it says yes."""
    if isinstance(value, (bool, int, float)):
        return bool(value)
    if value is None:
        return False
    if (said := _as_bool(value)) is not None:
        return said
    raise Undecided(f"{ast.unparse(node)} is {value!r}, not true or false"[:120])


def _as_bool(value: Any) -> bool | None:
    if isinstance(value, int):
        return bool(value) if value in (0, 1) else None
    return _SAID.get(value.strip().lower()) if isinstance(value, str) else None


def _number(value: Any, node: ast.expr) -> int | float:
    number = _as_number(value)
    if number is None:
        raise Undecided(f"{ast.unparse(node)} is {value!r}, not a number"[:120])
    return number


def _as_number(value: Any) -> int | float | None:
    """The number a value is or a table's words write; whole ones exactly, because identifiers can be long."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    for kind in (int, float):
        try:
            number = kind(value) if isinstance(value, str) else value
        except ValueError:
            continue
        return number if number == number else None
    return None
