"""The check of a whole Config: names, values, and what they need of one another."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mrcnn.settings.relations import problems_of_relations
from mrcnn.settings.table import Setting

NEAR = 0.8  # likeness, as difflib has it, from which on a name is taken for a misspelt setting
COMPUTED_NAMES = ("BATCH_SIZE", "IMAGE_SHAPE", "IMAGE_META_SIZE")


def check_settings(
    config: Any, table: Mapping[str, Setting], where: object, mode: str | None = None, wrong: Sequence[str] = ()
) -> None:
    """Raises ValueError with everything that is wrong; see `mrcnn.config.check_config`."""
    problems = {name: entry.problem(getattr(config, name)) for name, entry in table.items()}
    faulty = {name for name, problem in problems.items() if problem}
    found = [*wrong, *filter(None, problems.values()), *problems_of_relations(config, faulty, mode)]
    if len(found) == 1:
        raise ValueError(f"{where}: {found[0]}")
    if found:
        raise ValueError("\n  ".join([f"{where}: {len(found)} settings are wrong:", *found]))


def misspelt(name: str, known: Collection[str]) -> str:
    """The sentence about a name that is nearly a setting's; empty for a known name, and for one of one's own."""
    if name.startswith("_") or name in known:
        return ""
    for nearest in difflib.get_close_matches(name, sorted(known), n=1, cutoff=NEAR):
        return (
            f"{name} is not a setting of Config; did you mean {nearest}? (A name of your own must differ more from a "
            "setting's, or be in lower case.)"
        )
    return ""
