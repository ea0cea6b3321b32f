"""What is made of the table: the reference page and the JSON schema."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from mrcnn import presets
from mrcnn.config import SETTINGS
from mrcnn.reference.__main__ import main
from mrcnn.reference.page import settings_page
from mrcnn.reference.schema import settings_schema
from mrcnn.settings.relations import RELATIONS
from tests.support.setting_values import CASES

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def test_the_stored_files_are_current(tmp_path, capsys):
    main(str(tmp_path))
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["settings.md", "settings.schema.json"]
    for name in written:
        stored = (REFERENCE / name).read_text(encoding="utf-8")
        assert stored == (tmp_path / name).read_text(encoding="utf-8"), "write it anew: python -m mrcnn.reference"
        assert f"Wrote {tmp_path / name}" in capsys.readouterr().out or name != "settings.md"


def test_the_page_has_every_setting_rule_and_preset_once():
    page = settings_page()
    for name, entry in SETTINGS.items():
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert entry.text in row
        assert row.replace("&#124;", "").count("|") == 5, "four columns"
    assert all(page.count(f"- {relation.text}\n") == 1 for relation in RELATIONS)
    assert all(page.count(f"\n### {name}\n") == 1 for name in presets.all_presets())
    assert {"TinyConfig", "ResNet50Config", "ResNet101Config"} <= set(presets.all_presets())


def plain(value):
    """As it would stand in a file; None where it cannot."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    try:
        return [json.loads(json.dumps(value, allow_nan=False))]
    except (TypeError, ValueError):
        return None


def test_the_schema_is_one_and_takes_a_file():
    schema = settings_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    validator.validate({"preset": "TinyConfig", "NAME": "mine", "LOSS_WEIGHTS": {"rpn_class_loss": 2}})
    for wrong in ({"preset": "Tiny"}, {"IMAGES_PER_GPUS": 2}, {"LOSS_WEIGHTS": {"rpn": 2}}, []):
        assert not validator.is_valid(wrong)
    for name, entry in schema["properties"].items():
        assert entry["description"], name
        validator.validate({name: entry["default"]} if "default" in entry else {})


@pytest.mark.parametrize("name", SETTINGS)
def test_the_schema_takes_what_the_table_takes(name):
    validator = jsonschema.Draft7Validator(settings_schema())
    for value in filter(None, map(plain, CASES[name][0])):
        if not (isinstance(value[0], int) and SETTINGS[name].expected() == "True or False"):  # 1 is old code's True
            assert validator.is_valid({name: value[0]}), value
    for value in filter(None, map(plain, CASES[name][1])):
        whole = isinstance(value[0], float) and value[0].is_integer()  # 2.0 is an integer in JSON schema
        listed = isinstance(value[0], list) and any(isinstance(item, float) for item in value[0])
        if not whole and not listed:
            assert not validator.is_valid({name: value[0]}), value
