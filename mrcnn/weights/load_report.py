"""What came of loading a weight file: which layers were loaded, adapted, skipped, missing or not used."""

from dataclasses import dataclass, field

SHOWN = 6  # names listed before "and n more"


def some(names) -> str:
    """'a, b, c and 9 more'"""
    names = list(names)
    if len(names) <= SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:SHOWN])} and {len(names) - SHOWN} more"


@dataclass
class LoadReport:
    """The account of one load. Layers of a nested model (`rpn_conv_shared` in `rpn_model`) stand under their own name.

    loaded: layers taken from the file as they are.
    adapted: layer -> how its weights were changed on the way (first convolution inflated, rows of known classes kept).
    skipped: layer -> why it was left out (excluded, class count, shape).
    missing: layers of the model that the file lacks. unused: layers of the file that the model lacks.
    notes: sentences on what may not be meant.
    """

    path: str
    loaded: list[str] = field(default_factory=list)
    adapted: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether each layer of the model got its weights from the file."""
        return not self.skipped and not self.missing

    def __str__(self) -> str:
        taken = len(self.loaded) + len(self.adapted)
        total = taken + len(self.skipped) + len(self.missing)
        lines = [f"Weights from {self.path}: {taken} of {total} layers with weights loaded"]
        for label, reasons in (("adapted", self.adapted), ("skipped", self.skipped)):
            for reason in dict.fromkeys(reasons.values()):
                names = [name for name, its_reason in reasons.items() if its_reason == reason]
                lines.append(f"  {label} {len(names)}, {reason}: {some(names)}")
        if self.missing:
            lines.append(f"  missing {len(self.missing)}, not in the file: {some(self.missing)}")
        if self.unused:
            lines.append(f"  unused {len(self.unused)}, in the file but not in the model: {some(self.unused)}")
        lines.extend(f"  note: {note}" for note in self.notes)
        return "\n".join(lines)
