"""The whole way: read, merge, filter, renumber, write."""

from dataclasses import replace
from pathlib import Path

from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.builder import Options
from mrcnn_ext.convert.coco_edit import filter_coco, merge_coco, renumber_coco
from mrcnn_ext.convert.registry import format_module, read

WRITTEN = ("coco", "yolo", "labelstudio", "labelme", "tfrecord")


def convert(sources, out, *, format="auto", to="coco", classes=None, renumber=False, **options) -> tuple[dict, Account]:
    """Labels of other tools -> COCO or another format of WRITTEN.  Returns the COCO dict and the account.

    sources: a file or folder, or several, which are merged; out: file or folder to write.
    format: of the sources, "auto" to recognise each; to: one of WRITTEN.
    classes: names of the classes to keep; renumber: ids of images, objects and classes from 1 on.
    options: see `mrcnn_ext.convert.Options`.
    Raises ValueError or OSError naming the file.
    """
    if to not in WRITTEN:
        raise ValueError(f"to must be one of {', '.join(WRITTEN)}, but is {to!r}.")
    options = Options(**options)
    sources = [sources] if isinstance(sources, (str, Path)) else list(sources)
    if not sources:
        raise ValueError("there is nothing to convert: name at least one file or folder.")
    _refuse_overwriting(sources, Path(out))
    builders = [read(source, format, options) for source in sources]
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
    options = replace(options, images=options.images or account.images)
    account.add(format_module(to).write(coco, Path(out), options))
    return coco, account


def _refuse_overwriting(sources, out: Path) -> None:
    """Raises ValueError when the result would take the place of what it is made of."""
    for source in sources:
        if Path(source).resolve() in (out.resolve(), (out / "annotations.json").resolve()):
            raise ValueError(f"{out}: the result would overwrite {source}. Choose another OUT.")
