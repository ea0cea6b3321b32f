"""Values as JSON files have them, and how messages show values: a few of many, one cut short."""

from collections.abc import Sequence

MAX_NAMED = 5  # names that a message lists


def whole_number(value: object) -> int | None:
    """A whole number as an int, also one written as 3.0, "3" or "3.0", as some tools do; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value) if isinstance(value, str) and not value.strip("+-").isdecimal() else value
        whole = int(number)  # type: ignore[call-overload]  # what cannot become an int raises
        return whole if isinstance(number, str) or whole == number else None
    except (TypeError, ValueError, OverflowError):
        return None


def first_few(values: Sequence[object], most: int = MAX_NAMED) -> str:
    """The first values with commas between; " .." at the end says that there are more."""
    return ", ".join(map(str, values[:most])) + (", .." if len(values) > most else "")


def shortened(value: object, letters: int = 80) -> str:
    """A value as ASCII source of at most so many letters."""
    text = ascii(value)
    return text if len(text) <= letters else text[: letters - 3] + "..."
