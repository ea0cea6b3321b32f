"""The page of `mrcnn check`: whatever folders, files and classes are called, their names are text on it."""

import shutil

from mrcnn_ext.check.page import html_page
from tests.support.html_reading import ReadPage


def hostile(name):
    """A name that is markup, in a text or in an attribute, unless it is escaped."""
    return f"""<i>"&amp;'{name}"""


def give_hostile_names(made):
    for name, content in list(made.content.items()):
        folder = made.folder / name
        for path in folder.iterdir():
            path.rename(path.with_name(hostile(path.name)))
        folder.rename(made.folder / hostile(name))
        for image in content["images"]:
            image["file_name"] = hostile(image["file_name"])
        for category in content["categories"]:
            category["name"] = hostile(category["name"])
        made.content[hostile(name)] = made.content.pop(name)
    made.folder = made.folder.rename(made.folder.with_name(hostile("set")))


def test_no_name_is_markup(made):
    made.image(1).unlink()  # a line of its own
    shutil.copy(made.image(3), made.image(11))  # an overlay with a caption that names both
    shutil.copy(made.image(2), made.image(2).with_name("extra.png"))
    made.train["categories"].append({"id": 9, "name": "Leaf"})  # a name in a finding's text
    give_hostile_names(made)
    report = made.check()
    assert {"image-missing", "image-in-two-parts", "image-unlisted", "category-similar"} <= set(report.counts)
    page = ReadPage(html_page(report))
    assert "i" not in page.tags and "figure" in page.tags
    for name in (made.folder.name, *made.content, "1.png", "3.png", "11.png", "extra.png", "leaf", "flower"):
        assert page.shows(name if name.startswith("<i>") else hostile(name)), name
    for finding in report.findings:
        assert page.shows(finding.what)
