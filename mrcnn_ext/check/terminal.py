"""The report in a terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from mrcnn_ext.check.findings import CODES
from mrcnn_ext.check.statistics import bin_label

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_EXAMPLES = 3
_MAX_CLASSES = 20
_MAX_REPAIRS = 40


def print_report(report, console: Console | None = None) -> None:
    """Parts, classes, sizes, then every kind of fault with some examples, then the verdict."""
    console = console or Console()
    if report.statistics["parts"]:
        _print_numbers(report, console)
    for code in report.codes():
        severity, title, to_do = CODES[code]
        console.print(f"[{_STYLES[severity]}]{severity}[/] {code}: {title} ({report.counts[code]:,})", soft_wrap=True)
        examples = [finding for finding in report.findings if finding.code == code][:_EXAMPLES]
        for finding in examples:
            place = f"{finding.place()}: " if finding.place() else ""
            console.print(f"    {escape(place + finding.what)}", soft_wrap=True)
        if report.counts[code] > len(examples):
            console.print(f"    .. and {report.counts[code] - len(examples):,} more")
        console.print(f"    -> {escape(to_do)}", style="cyan", soft_wrap=True)
    style = "bold red" if report.exit_code else "bold green"
    console.print(f"[{style}]{escape(report.verdict())}[/] ({report.seconds:.1f} s)")


def print_repairs(fixed, console: Console | None = None) -> None:
    """Each repair, the first ones by name; the JSON has all of them."""
    console = console or Console()
    for repair in fixed.repairs[:_MAX_REPAIRS]:
        place = f"{repair.image or repair.file}" + (
            f", annotation {repair.annotation_id}" if repair.annotation_id is not None else ""
        )
        console.print(escape(f"  {place}: {repair.done}"), soft_wrap=True)
    if len(fixed.repairs) > _MAX_REPAIRS:
        console.print(f"  .. and {len(fixed.repairs) - _MAX_REPAIRS:,} more; all of them with --json")
    console.print(f"{len(fixed.repairs):,} repairs; the copy is in {escape(str(fixed.out))}", style="bold")


def _print_numbers(report, console) -> None:
    numbers = report.statistics
    keys = ("images", "without_objects", "objects", "crowds", "fullest")
    table = Table(Column("part", overflow="fold"), *(_right(key.replace("_", " ")) for key in keys))
    for row in numbers["parts"]:
        table.add_row(escape(row["name"]), *(f"{row[key]:,}" for key in keys))
    console.print(table)
    names = [row["name"] for row in numbers["parts"]]
    table = Table("class", *(_right(escape(name)) for name in names))
    for name, counts in list(numbers["classes"].items())[:_MAX_CLASSES]:
        table.add_row(escape(name), *(f"{counts.get(part, 0):,}" for part in names))
    console.print(table)
    if len(numbers["classes"]) > _MAX_CLASSES:
        console.print(f".. and {len(numbers['classes']) - _MAX_CLASSES} more classes")
    for key, title in (("sides_px", "objects by side (px)"), ("objects_in_an_image", "images by objects")):
        bars = [f"{bin_label(low)}: {count:,}" for low, count in numbers[key].items()]
        console.print(f"{title}:  {'   '.join(bars)}", soft_wrap=True)


def _right(name):
    return Column(name, justify="right")
