"""The entries of the table: `setting(...)` in the body of `Config`, and what is done with them there."""

from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from mrcnn.settings.kinds import Kind, shown

T = TypeVar("T")


@dataclass
class Setting:
    """One setting.

    Attributes:
        default: what it is where nobody sets it.
        kind: which values it may have.
        text: what it is, in one sentence.
        advice: when to change it, and what to know; may be empty.
        unit: such as "pixels"; empty where there is none.
        remedy: what to do about a wrong value, where that is not plain from the kind.
        name: its name in Config.
        section: the heading of its part of the table.
    """

    default: Any
    kind: Kind
    text: str
    advice: str = ""
    unit: str = ""
    remedy: str = ""
    name: str = field(default="", init=False)
    section: str = field(default="", init=False)

    def expected(self) -> str:
        """Its kind, range and unit in words, such as "a number above 0 (pixels)"."""
        return f"{self.kind.expected()} ({self.unit})" if self.unit else self.kind.expected()

    def problem(self, value: Any) -> str:
        """What is wrong with a value and what to do about it; empty where it fits."""
        if self.kind.fits(value):
            return ""
        remedy = self.kind.advice(value) or self.remedy or f"The default is {shown(self.default)}."
        return f"{self.name} is {shown(value)}: expected {self.expected()}. {remedy}"


def setting(default: T, kind: Kind, text: str, advice: str = "", *, unit: str = "", remedy: str = "") -> T:
    """Declares a setting in the body of `Config`, where its default then stands; see `Setting` for the arguments."""
    return cast(T, Setting(default, kind, text, advice, unit, remedy))


def section(title: str) -> Any:
    """A heading in the body of `Config`, of the settings that follow it."""
    return _Section(title)


@dataclass
class _Section:
    title: str


def take_settings(owner: type) -> dict[str, Setting]:
    """Puts the defaults into a class in place of what was declared in its body; returns the table, by name."""
    table, title = {}, ""
    for name, entry in list(vars(owner).items()):
        if isinstance(entry, _Section):
            title = entry.title
            delattr(owner, name)
        elif isinstance(entry, Setting):
            entry.name, entry.section = name, title
            table[name] = entry
            setattr(owner, name, entry.default)
    return table
