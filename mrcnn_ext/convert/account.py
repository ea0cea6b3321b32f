"""The account of a conversion: what was kept, repaired, dropped, and what a person should look at."""

from collections import Counter

SHOWN = 5  # how many places a line of text names; the JSON form names them all


class Account:
    """Counts and places, filled while reading and writing.

    kept: {what: count}; repaired, dropped and notes: {what happened: [where, ..]}, each place with its file name.
    format and seen: the name of the format, and what it was recognised by; images: the folder that the `file_name`s
    of the images are relative to, or None when the images were not looked at.
    """

    def __init__(self):
        self.format = self.seen = self.images = None
        self.kept = Counter()
        self.repaired, self.dropped, self.notes = {}, {}, {}

    def keep(self, what: str, count: int = 1) -> None:
        """Count something kept that is easily lost: holes, crowds, attributes, ..."""
        self.kept[what] += count

    def repair(self, what: str, where: str) -> None:
        """List something that was changed to make it right."""
        self.repaired.setdefault(what, []).append(where)

    def drop(self, what: str, where: str) -> None:
        """List something that did not come over."""
        self.dropped.setdefault(what, []).append(where)

    def note(self, what: str, where: str) -> None:
        """List something that came over, but that a person should look at."""
        self.notes.setdefault(what, []).append(where)

    def add(self, other: "Account") -> None:
        """Take over the entries of another account."""
        self.kept.update(other.kept)
        for mine, theirs in zip(self._lists(), other._lists(), strict=True):
            for what, places in theirs.items():
                mine.setdefault(what, []).extend(places)

    def to_dict(self) -> dict:
        """Everything, ready for json.dump."""
        return {
            "format": self.format,
            "seen": self.seen,
            "images": None if self.images is None else str(self.images),
            "kept": dict(self.kept),
            "repaired": self.repaired,
            "dropped": self.dropped,
            "notes": self.notes,
        }

    def lines(self) -> list[str]:
        """The account as lines of text; at most five places a line."""
        lines = [f"format: {self.format} ({self.seen})"] if self.format else []
        if self.images is not None:
            lines.append(f"images: {self.images}")
        elif self.format:
            lines.append("images: not looked at; sizes and rotation are those that the labels state (else --images)")
        lines += [f"kept: {count} {what}" for what, count in self.kept.items()]
        for title, entries in zip(("repaired", "dropped", "look at"), self._lists(), strict=True):
            for what, places in entries.items():
                some = ", ".join(places[:SHOWN]) + (", .." if len(places) > SHOWN else "")
                lines.append(f"{title}: {len(places)} x {what}: {some}")
        return lines

    def _lists(self):
        return self.repaired, self.dropped, self.notes
