"""`python -m mrcnn.reference [folder]`: writes settings.md and settings.schema.json, by default to docs/reference."""

import json
import sys
from pathlib import Path

from mrcnn.reference.page import settings_page
from mrcnn.reference.schema import FILE_NAME, settings_schema


def main(folder: str = "docs/reference") -> None:
    """Writes both files, and says where."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    contents = {"settings.md": settings_page(), FILE_NAME: json.dumps(settings_schema(), indent=2) + "\n"}
    for name, content in contents.items():
        path = Path(folder, name)
        path.write_text(content, encoding="utf-8")
        print(f"Wrote {path}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
