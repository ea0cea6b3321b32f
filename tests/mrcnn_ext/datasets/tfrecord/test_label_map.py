"""label_map.pbtxt: what we write, and all that others write."""

import pytest

from mrcnn_ext.datasets.label_map import read_label_map, write_label_map


def read(tmp_path, text):
    path = tmp_path / "label_map.pbtxt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_label_map(path)


def test_written_form(tmp_path):
    path = tmp_path / "label_map.pbtxt"
    write_label_map(path, {90: 'a "quoted" name', 1: "grün", 7: "日本"})
    assert path.read_text(encoding="utf-8").splitlines()[:5] == [
        *("item {", '  name: "grün"', "  id: 1", '  display_name: "grün"', "}")
    ]
    assert read_label_map(path) == {1: "grün", 7: "日本", 90: 'a "quoted" name'}
    assert [file.name for file in tmp_path.iterdir()] == ["label_map.pbtxt"]


@pytest.mark.parametrize(
    "text",
    [
        "item { id: 1 name: 'cat' } item { id: 2 name: 'dog' }",
        'item: {\n  name: "cat"\n  id: 1\n}\nitem: {\n  name: "dog"\n  id: 2\n}\n',
        "# all pets\nitem {\n  id: 2;\n  name: 'dog',  # second\n}\nitem < id: 1 name: 'cat' >",
        'item { name: "/m/01yrx" id: 1 display_name: "cat" } item { name: "/m/0bt9lr" id: 2 display_name: "dog" }',
        "item { id: 0 name: 'background' } item { id: 1 name: 'c' 'at' } item { id: 2 name: 'dog' }",
        "item { id: 1 name: 'cat' keypoints { id: 3 label: 'nose' } } item { id: 2 name: 'dog' ancestor_ids: [1, 2] }",
        "item { id: 1 name: 'cat' frequency: COMMON instance_count: 5 } item { id: 2 name: 'dog' }",
        "\ufeffitem { id: 0x1 name: '\\143at' }\r\nitem { id: 2 name: 'dog' }\r\n",
        "item [{ id: 1 name: 'cat' }, { id: 2 name: 'dog' }]",
    ],
)
def test_what_others_write(tmp_path, text):
    assert read(tmp_path, text) == {1: "cat", 2: "dog"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item { id: 1 name: 'cat' } item { id: 1 name: 'dog' }", "the id 1 is there twice: 'cat', 'dog'"),
        ("item { id: 0 name: 'cat' }", "'cat' has the id 0; ids are 1 or more"),
        ("item { id: -1 name: 'cat' }", "'cat' has the id -1"),
        ("item { name: 'cat' }", "an item lacks its id or its name"),
        ("item { id: 1 }", "an item lacks its id or its name"),
        ("item { id: 1 name: 'cat'", "not a label map: line 1"),
        ("item { id: 'one' name: 'cat' }", "not a label map: line 1"),
        ("cat\ndog\n", "not a label map: line"),
        ("", "has no class"),
        ("item { id: 0 name: 'background' }", "has no class"),
        (b"\x0a\x07\x0a\x03cat\xff", "not a label map, which is text"),
    ],
)
def test_errors_name_the_file(tmp_path, text, message):
    with pytest.raises(ValueError, match=f"label_map.pbtxt: .*{message}"):
        read(tmp_path, text)


def test_no_file_and_no_class_zero(tmp_path):
    with pytest.raises(ValueError, match="none.pbtxt: there is no such label map"):
        read_label_map(tmp_path / "none.pbtxt")
    with pytest.raises(ValueError, match="ids are 1 or more, but there are {0: 'cat'}"):
        write_label_map(tmp_path / "map.pbtxt", {0: "cat", 1: "dog"})
