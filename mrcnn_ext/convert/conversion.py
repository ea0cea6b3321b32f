"""The whole way: read, merge, filter, renumber, write."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.builder import Options
from mrcnn_ext.convert.coco_edit import filter_coco, merge_coco, renumber_coco
from mrcnn_ext.convert.registry import format_module, read

WRITTEN = ("coco", "yolo", "labelstudio", "labelme", "tfrecord")


def convert_labels(
    sources: str | Path | Iterable[str | Path],
    out: str | Path,
    *,
    format: str = "auto",
    to: str = "coco",
    classes: Sequence[str] | None = None,
    renumber: bool = False,
    **options: Any,
) -> tuple[dict, Account]:
    """Convert labels of other tools to COCO, or to another format of WRITTEN.

    Args:
        sources: a file or folder, or several, which are merged.
        out: file or folder to write.
        format: of the sources; "auto" recognises each.
        to: "coco", "yolo", "labelstudio", "labelme" or "tfrecord".
        classes: names of the classes to keep; None: all.
        renumber: number images, objects and classes from 1 on.
        options: see `mrcnn_ext.convert.Options`, such as `images`, the folder of the images.

    Returns:
        The COCO dict, and the Account of what was kept, repaired and dropped.

    Raises:
        ValueError: what a file holds is wrong; the text names the file.
        OSError: a file cannot be read or written.
    """
    if to not in WRITTEN:
        raise ValueError(f"to must be one of {', '.join(WRITTEN)}, but is {to!r}.")
    chosen = Options(**options)
    sources = [sources] if isinstance(sources, (str, Path)) else list(sources)
    if not sources:
        raise ValueError("there is nothing to convert: name at least one file or folder.")
    _refuse_overwriting(sources, Path(out))
    builders = [read(source, format, chosen) for source in sources]
    coco, account = builders[0].coco(), builders[0].account
    for source, builder in zip(sources[1:], builders[1:], strict=True):
        account.add(builder.account)
        if builder.account.images != account.images:
            account.note("images of a merged source are in another folder", f"{source}: {builder.account.images}")
        coco = merge_coco(coco, builder.coco(), account, str(source))
    if len(builders) > 1:
        account.kept["images"], account.kept["objects"] = len(coco["images"]), len(coco["annotations"])
    if classes is not None:
        coco = filter_coco(coco, classes, account)
    if renumber:
        coco = renumber_coco(coco)
    chosen = replace(chosen, images=chosen.images or account.images)
    account.add(format_module(to).write(coco, Path(out), chosen))
    return coco, account


def _refuse_overwriting(sources, out: Path) -> None:
    """Raises ValueError when the result would take the place of what it is made of."""
    for source in sources:
        if Path(source).resolve() in (out.resolve(), (out / "annotations.json").resolve()):
            raise ValueError(f"{out}: the result would overwrite {source}. Choose another OUT.")
