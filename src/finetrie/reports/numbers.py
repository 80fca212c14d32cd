"""Numbers as people read them."""

from __future__ import annotations

from typing import Any

DASH = "–"


def percent(value: Any, digits: int = 1) -> str:
    """A share as a percentage; a dash where it is unknown."""
    return f"{100 * value:.{digits}f}%" if is_number(value) else DASH


def number(value: Any) -> str:
    """A count with separators, or a measure with three significant digits."""
    if not is_number(value):
        return DASH
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def compact(value: float) -> str:
    """A count in as few characters as an axis has room for: 1.5k, 20M."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def duration(seconds: Any, language: str = "en") -> str:
    """Seconds as hours, minutes and seconds; at most two units."""
    if not is_number(seconds):
        return DASH
    h, m, s = ("小时", "分", "秒") if language == "zh" else ("h", "min", "s")
    if seconds < 59.5:
        return f"{seconds:.3g} {s}"
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    larger, smaller = ((hours, h), (minutes, m)) if hours else ((minutes, m), (whole % 60, s))
    return f"{larger[0]} {larger[1]}" + (f" {smaller[0]} {smaller[1]}" if smaller[0] else "")


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value - value == 0


def p_equals(p: Any) -> str:
    """A p-value as a sentence says it: `p = .003`, `p < .001`."""
    return "p –" if not is_number(p) else "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def clip(text: str, length: int) -> tuple[str, int | None]:
    """The beginning of a text, and its whole length if that is longer."""
    return (text, None) if len(text) <= length else (text[:length], len(text))
