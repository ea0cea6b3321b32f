"""Where an image of a data set goes in a copy of it: as a copy, a hard link or a symbolic link."""

import os
import shutil
from pathlib import Path

LINKS = ("copy", "hard", "symbolic")


def place_image(source, folder, name: str, link: str = "copy") -> None:
    """Bring an image to folder/name.

    copy: independent of the source, so safe whatever happens to either.  hard: no room on disk, but one content: who
    edits one edits both; only within one file system.  symbolic: breaks when the source moves or is not mounted.
    Raises ValueError for a name that leads out of the folder, OSError where a link is not possible.
    """
    if link not in LINKS:
        raise ValueError(f"link is {link!r}, but must be one of {', '.join(LINKS)}.")
    folder = Path(folder)
    target = folder / name
    if Path(os.path.normpath(target)).is_relative_to(os.path.normpath(folder)) is False:
        raise ValueError(f"{name}: this image name leads out of the image folder. Rename it in the annotations.")
    target.parent.mkdir(parents=True, exist_ok=True)
    if link == "copy":
        shutil.copy2(source, target)
    elif link == "symbolic":
        target.symlink_to(Path(source).resolve())
    else:
        try:
            os.link(Path(source).resolve(), target)
        except OSError as error:
            raise OSError(f"{target}: no hard link to {source} is possible ({error}). Use copy or symbolic.") from error
