"""What values a setting may have: numbers in a range, choices, lists. A kind checks a value, and is told in words."""

import difflib
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np


class Kind:
    """One kind of value."""

    def fits(self, value: Any) -> bool:
        """Whether a value is of this kind."""
        raise NotImplementedError

    def expected(self, many: bool = False) -> str:
        """The kind in words, such as "a whole number, 1 or more"; many: of several, without the article."""
        raise NotImplementedError

    def advice(self, value: Any) -> str:
        """What to write in place of a value that does not fit, where one can guess; else empty."""
        return ""

    def schema(self) -> dict | None:
        """JSON schema of such a value in a YAML file; None where none can stand in one."""
        raise NotImplementedError


@dataclass(frozen=True)
class Number(Kind):
    """A finite number, from Python or numpy, no bool. least, most: allowed; above, below: just not allowed."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    noun = "number"
    types: ClassVar[tuple[Any, ...]] = (int, float, np.integer, np.floating)  # not a field of the dataclass

    def fits(self, value: Any) -> bool:
        return bool(
            isinstance(value, self.types)
            and not isinstance(value, bool)
            and _is_finite(value)
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def expected(self, many: bool = False) -> str:
        noun = f"{self.noun}s" if many else f"a {self.noun}"
        low, high = _bound("above ", self.above, self.least), _bound("below ", self.below, self.most)
        each = "each " if many else ""
        if low and high:
            return f"{noun} {low} and up to {high}" if self.above is not None else f"{noun} from {low} to {high}"
        if low:
            return f"{noun} {low}" if self.above is not None else f"{noun}, {each}{low} or more"
        return f"{noun}, {each}{high} at most" if high else noun

    def advice(self, value: Any) -> str:
        if isinstance(value, str):
            number = _number_in(value)
            return f"Write {_for_yaml(number)}, without quotes." if self.fits(number) else ""
        if isinstance(value, bool | np.bool_) or not isinstance(value, Number.types) or not _is_finite(value):
            return ""
        if not isinstance(value, self.types):
            return f"Write {int(value)}." if value == int(value) and self.fits(int(value)) else ""
        percent = self.most == 1 and 10 <= value <= 100
        return f"It is a share: {value} % is {value / 100:g}." if percent else ""

    def schema(self) -> dict | None:
        bounds = {
            "minimum": self.least,
            "maximum": self.most,
            "exclusiveMinimum": self.above,
            "exclusiveMaximum": self.below,
        }
        kind = "integer" if self.noun == "whole number" else "number"
        return {"type": kind, **{name: bound for name, bound in bounds.items() if bound is not None}}


class Whole(Number):
    """A whole number, from Python or numpy, no bool."""

    noun = "whole number"
    types = (int, np.integer)


class Flag(Kind):
    """True or False; 1 and 0 too, as old code has them."""

    def fits(self, value: Any) -> bool:
        return isinstance(value, bool | np.bool_) or (isinstance(value, int | np.integer) and value in (0, 1))

    def expected(self, many: bool = False) -> str:
        return "True or False"

    def advice(self, value: Any) -> str:
        words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
        meant = words.get(value.strip().lower()) if isinstance(value, str) else None
        return "" if meant is None else f"Write {meant}, without quotes."

    def schema(self) -> dict | None:
        return {"type": "boolean"}


class FileName(Kind):
    """Text that can be a part of a file's name."""

    def fits(self, value: Any) -> bool:
        return isinstance(value, str) and bool(value) and value.isprintable() and not {"/", "\\"} & set(value)

    def expected(self, many: bool = False) -> str:
        return "text without / and \\"

    def schema(self) -> dict | None:
        return {"type": "string", "pattern": r"^[^/\\\u0000-\u001f]+$"}


class Choice(Kind):
    """One of some words."""

    def __init__(self, *words: str):
        self.words = words

    def fits(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.words

    def expected(self, many: bool = False) -> str:
        return any_of([f'"{word}"' for word in self.words])

    def advice(self, value: Any) -> str:
        near = difflib.get_close_matches(value.lower(), self.words, n=1, cutoff=0.5) if isinstance(value, str) else []
        return f'Did you mean "{near[0]}"?' if near else ""

    def schema(self) -> dict | None:
        return {"enum": list(self.words)}


class Function(Kind):
    """A function or a Keras model; in code only, not in a file."""

    def fits(self, value: Any) -> bool:
        return callable(value)

    def expected(self, many: bool = False) -> str:
        return "a function or a Keras model"

    def schema(self) -> dict | None:
        return None


class Nothing(Kind):
    """None, which is null in YAML and JSON."""

    def fits(self, value: Any) -> bool:
        return value is None

    def expected(self, many: bool = False) -> str:
        return "None"

    def schema(self) -> dict | None:
        return {"type": "null"}


class ListOf(Kind):
    """A list, tuple or array of one kind. count: of its items; None: one or more."""

    def __init__(self, kind: Kind, count: int | None = None):
        self.kind = kind
        self.count = count

    def fits(self, value: Any) -> bool:
        items = _items(value)
        if not items or (self.count is not None and len(items) != self.count):
            return False
        return all(self.kind.fits(item) for item in items)

    def expected(self, many: bool = False) -> str:
        return f"a list of {self.count or 'one or more'} {self.kind.expected(many=True)}"

    def advice(self, value: Any) -> str:
        items = _items(value)
        if items is None:
            return ""
        if self.count is not None and len(items) != self.count:
            return f"There are {len(items)}."
        number, item = next(((n, x) for n, x in enumerate(items, 1) if not self.kind.fits(x)), (0, None))
        return f"Number {number} of them is {shown(item)}. {self.kind.advice(item)}".strip() if number else ""

    def schema(self) -> dict | None:
        length = {"minItems": 1} if self.count is None else {"minItems": self.count, "maxItems": self.count}
        return {"type": "array", "items": self.kind.schema(), **length}


class Weights(Kind):
    """A dict of some of the given names, with a number of 0 or more for each."""

    def __init__(self, *names: str):
        self.names = names
        self.kind = Number(least=0)

    def fits(self, value: Any) -> bool:
        return isinstance(value, Mapping) and all(n in self.names and self.kind.fits(x) for n, x in value.items())

    def expected(self, many: bool = False) -> str:
        return f"{self.kind.expected()}, by the names {', '.join(self.names)}"

    def advice(self, value: Any) -> str:
        if not isinstance(value, Mapping):
            return ""
        for name, number in value.items():
            if name not in self.names:
                near = difflib.get_close_matches(str(name), self.names, n=1)
                return f"{name} is none of them{f'; did you mean {near[0]}?' if near else '.'}"
            if not self.kind.fits(number):
                return f"{name} is {shown(number)}. {self.kind.advice(number)}".strip()
        return ""

    def schema(self) -> dict | None:
        return {
            "type": "object",
            "properties": dict.fromkeys(self.names, self.kind.schema()),
            "additionalProperties": False,
        }


class AnyOf(Kind):
    """One of several kinds."""

    def __init__(self, *kinds: Kind):
        self.kinds = kinds

    def fits(self, value: Any) -> bool:
        return any(kind.fits(value) for kind in self.kinds)

    def expected(self, many: bool = False) -> str:
        return ", or ".join(kind.expected(many) for kind in self.kinds)

    def advice(self, value: Any) -> str:
        return next(filter(None, (kind.advice(value) for kind in self.kinds)), "")

    def schema(self) -> dict | None:
        schemas = [schema for kind in self.kinds if (schema := kind.schema()) is not None]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def optional(kind: Kind) -> AnyOf:
    """The kind, or None."""
    return AnyOf(kind, Nothing())


def any_of(words: list[str]) -> str:
    """ "a, b or c"."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def shown(value: Any) -> str:
    """A value as one would write it, shortened where it is long."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f'"{value[:37]}..."'
    return str(getattr(value, "__qualname__", None) or reprlib.repr(value))


def _items(value: Any) -> list | None:
    """The items of a list, a tuple or an array of one axis; None for anything else."""
    if isinstance(value, np.ndarray):
        return list(value) if value.ndim == 1 else None
    return list(value) if isinstance(value, list | tuple) else None


def _bound(word: str, open_end: float | None, end: float | None) -> str:
    return f"{word}{open_end}" if open_end is not None else "" if end is None else f"{end}"


def _number_in(text: str) -> Any:
    """The number that a text is, whole where it can be; None for any other text."""
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if math.isfinite(number) and number == int(number) else number


def _is_finite(number: Any) -> bool:
    return isinstance(number, int) or bool(np.isfinite(number))  # a huge int is no float


def _for_yaml(number: float) -> str:
    """A number as YAML reads it: 1e-05 would be text there."""
    text = repr(number)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text
