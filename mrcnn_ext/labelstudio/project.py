"""The project of a data set: found or made, with a label config that has its classes as polygons and as brushes."""

import colorsys
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from mrcnn_ext.convert.formats.labelstudio_tasks import BRUSH, IMAGE, POLYGON
from mrcnn_ext.labelstudio.server import Refused, Server

SHOWN = 10  # projects in a message
CONTROLS = {POLYGON: "PolygonLabels", BRUSH: "BrushLabels"}


def label_config(classes: list[str]) -> str:
    """Label Studio's XML for these classes.  Polygons first; holes and objects of several parts need the brush."""
    labels = "".join(
        f"    <Label value={quoteattr(name)} background={quoteattr(_colour(number))}/>\n"
        for number, name in enumerate(classes)
    )
    controls = "".join(
        f'  <Header value="{name.capitalize()}" size="6"/>\n'
        f'  <{tag} name="{name}" toName="{IMAGE}">\n{labels}  </{tag}>\n'
        for name, tag in CONTROLS.items()
    )
    image = f'  <Image name="{IMAGE}" value="${IMAGE}" zoom="true" zoomControl="true" rotateControl="false"/>\n'
    return f"<View>\n{image}{controls}</View>\n"


def config_classes(project: dict) -> list[str]:
    """Classes of a project.  Raises ValueError when its config is not like ours, so that labels would not fit."""
    where = f"project {project['title']!r}"
    try:
        root = ElementTree.fromstring(project["label_config"])
    except ElementTree.ParseError as error:
        raise ValueError(f"{where}: its label config cannot be read: {error}") from error
    found = {(item.tag, item.get("name")): item for item in root.iter()}
    if ("Image", IMAGE) not in found or any((tag, name) not in found for name, tag in CONTROLS.items()):
        raise ValueError(
            f"{where} was not made by `mrcnn labelstudio push`: its label config lacks the Image {IMAGE!r} with "
            f"PolygonLabels {POLYGON!r} and BrushLabels {BRUSH!r}. Choose another name with --project."
        )
    return [label.get("value", "") for label in found[CONTROLS[POLYGON], POLYGON].iter("Label")]


def find_project(server: Server, wanted: str) -> dict | None:
    """The project with that title, or else with that number; None when there is none."""
    same = [project for project in server.projects() if project["title"] == wanted]
    if len(same) > 1:
        numbers = ", ".join(str(project["id"]) for project in same)
        raise ValueError(f"{server.url}: {len(same)} projects are called {wanted!r}; name one by its number: {numbers}")
    if same or not wanted.isdecimal():
        return same[0] if same else None
    try:
        return server.get(f"/api/projects/{wanted}")
    except Refused as error:
        if error.status == 404:
            return None
        raise


def need_project(server: Server, wanted: str) -> dict:
    """As `find_project`; ValueError with the titles that are there when there is none."""
    project = find_project(server, wanted)
    if project is None:
        titles = [repr(project["title"]) for project in server.projects()]
        shown = ", ".join(titles[:SHOWN]) + (", .." if len(titles) > SHOWN else "")
        raise ValueError(
            f"{server.url}: there is no project {wanted!r}; there are: {shown or 'none'}. "
            "`mrcnn labelstudio push` makes it; --project names another."
        )
    return project


def make_project(server: Server, title: str, classes: list[str]) -> dict:
    """The project with that title and at least these classes; new ones are added to an old project.

    Raises ValueError without any class, and for a project that is not ours.
    """
    project = find_project(server, title)
    if project is None:
        if not classes:
            raise ValueError("These images have no labels yet: name the classes, --classes peach,leaf.")
        settings = {"title": title, "label_config": label_config(classes), "show_collab_predictions": True}
        return server.post("/api/projects", settings)
    there = config_classes(project)
    missing = [name for name in classes if name not in there]
    if missing:
        project = server.patch(f"/api/projects/{project['id']}", {"label_config": label_config([*there, *missing])})
    return project


def _colour(number: int) -> str:
    """Colours far from each other, by steps of the golden angle; #rrggbb."""
    red, green, blue = colorsys.hsv_to_rgb(number * 0.381966 % 1, 0.85, 0.95 - 0.25 * (number % 3 == 2))
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
