"""label_map.pbtxt of the TensorFlow Object Detection API: which number is which class."""

from functools import cache
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from mrcnn_ext.common.files import write_text

BACKGROUND = "background"


def read_label_map(path) -> dict[int, str]:
    """{id: name} by id; the display name where an item has one. An item for 0, the background, is left out.

    Raises ValueError naming the file: not a label map, an item without id or name, an id twice.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such label map.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: this is not a label map, which is text: {error}") from error
    try:
        content = text_format.Parse(text, _message_class()(), allow_unknown_field=True)
    except text_format.ParseError as error:
        raise ValueError(f"{path}: this is not a label map: line {error}") from error
    names: dict[int, str] = {}
    for item in content.item:
        name = item.display_name or item.name
        if not name or not item.HasField("id"):
            raise ValueError(f"{path}: an item lacks its id or its name: {text_format.MessageToString(item)!r}")
        if item.id < 0 or (item.id == 0 and BACKGROUND not in (item.name, item.display_name)):
            raise ValueError(f"{path}: {name!r} has the id {item.id}; ids are 1 or more, 0 is for {BACKGROUND!r} only")
        if item.id in names:
            raise ValueError(f"{path}: the id {item.id} is there twice: {names[item.id]!r}, {name!r}")
        names[item.id] = name
    names.pop(0, None)
    if not names:
        raise ValueError(f"{path}: this label map has no class.")
    return dict(sorted(names.items()))


def write_label_map(path, names: dict[int, str]) -> None:
    """Write {id: name}, ids from 1 on. Raises ValueError for an id below 1, which is no class there."""
    low = {number: name for number, name in names.items() if number < 1}
    if low:
        raise ValueError(
            f"{path}: in a label map ids are 1 or more, but there are {low}. Renumber the categories first."
        )
    content = _message_class()()
    for number, name in sorted(names.items()):
        content.item.add(name=name, id=number, display_name=name)
    write_text(path, text_format.MessageToString(content, as_utf8=True))


@cache
def _message_class():
    """The class of the message StringIntLabelMap, of the fields of it that matter here; others are skipped."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="label_map.proto", package="mrcnn_ext", syntax="proto2")
    item = file.message_type.add(name="StringIntLabelMapItem")
    kinds = {"name": field.TYPE_STRING, "id": field.TYPE_INT32, "display_name": field.TYPE_STRING}
    for number, (name, kind) in enumerate(kinds.items(), 1):
        item.field.add(name=name, number=number, type=kind, label=field.LABEL_OPTIONAL)
    items = file.message_type.add(name="StringIntLabelMap").field.add(name="item", number=1, label=field.LABEL_REPEATED)
    items.type, items.type_name = field.TYPE_MESSAGE, ".mrcnn_ext.StringIntLabelMapItem"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("mrcnn_ext.StringIntLabelMap"))
