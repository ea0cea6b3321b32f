"""Does this installation compute what it should, and is this weight file whole? See `engine` and `weight_file`."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. passed: None where it cannot be checked here."""

    name: str
    passed: bool | None
    text: str

    def __str__(self):
        mark = {True: "ok    ", False: "FAILED", None: "not checked"}[self.passed]
        return f"{mark}  {self.name}: {self.text}"


@dataclass(frozen=True)
class Verdict:
    """All checks, and a sentence on what to do."""

    checks: list[Check]
    advice: str

    @property
    def passed(self) -> bool:
        """True when nothing failed."""
        return all(check.passed is not False for check in self.checks)

    def to_dict(self) -> dict:
        """For JSON."""
        return {"passed": self.passed, "advice": self.advice, "checks": [asdict(check) for check in self.checks]}

    def __str__(self):
        word = "PASSED" if self.passed else "FAILED"
        return "\n".join([*map(str, self.checks), "", f"{word}: {self.advice}"])


def selftest(weights=None) -> Verdict:
    """The self-test of this installation, or of weights: the path of a `.h5`, or a name such as "torchvision-v2".

    Raises FileNotFoundError where there is no such file.
    """
    if weights is None:
        from mrcnn.selftest.engine import check_engine

        return check_engine()
    from mrcnn.selftest.weight_file import check_weight_file
    from mrcnn.weights.convert import zoo_file
    from mrcnn.weights.zoo import ZOO

    return check_weight_file(zoo_file(weights) if weights in ZOO else weights)
