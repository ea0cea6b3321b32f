"""Finished labels from a project of Label Studio, as COCO files with the images and ids of the data set."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from mrcnn_ext.common.files import write_json
from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.builder import Options
from mrcnn_ext.convert.formats.labelstudio import read_tasks
from mrcnn_ext.labelstudio.access import FOUND, Studio, need_access
from mrcnn_ext.labelstudio.images import Images, read_images
from mrcnn_ext.labelstudio.project import config_classes, need_project
from mrcnn_ext.labelstudio.push_data import project_title


@dataclass
class Pulled:
    """What came back.

    Attributes:
        project: its number.
        files: the COCO files written.
        labelled: images labelled in Label Studio.
        kept: images kept with the labels they had before.
        skipped: images skipped there; they are in no file.
        unlabelled: images still without any labels; they are in no file.
        objects: in the files.
        account: what could not be kept, and what a person should look at.
    """

    project: int
    files: list[str] = field(default_factory=list)
    labelled: int = 0
    kept: int = 0
    skipped: int = 0
    unlabelled: int = 0
    objects: int = 0
    account: Account = field(default_factory=Account)

    def to_dict(self) -> dict:
        """Ready for json.dump."""
        numbers = {key: value for key, value in asdict(self).items() if key != "account"}
        return numbers | {"account": self.account.to_dict()}

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"{self.labelled} images labelled in Label Studio, {self.kept} with the labels they had, "
            f"{self.skipped} skipped, {self.unlabelled} not labelled yet; {self.objects} objects",
            *(line for line in self.account.lines() if not line.startswith("kept")),
            *(f"written: {file}" for file in self.files),
        ]


def pull(data: str | Path, out: str | Path, *, studio: Studio = FOUND, images: str | Path | None = None) -> Pulled:
    """Write the labels of a project as COCO: those of finished tasks, and for all others the ones that `data` has.

    File names and image ids are those of `data`; a class that is new in Label Studio gets a new id.

    Args:
        data: As for `push`, as are studio and images.
        out: A .json file, or a folder, whose annotations/ gets a file for each of the data set's; may be `data` itself.
        studio: The project and its Label Studio.
        images: Folder of the images, where it is not the usual one.

    Returns:
        What came back, in numbers.

    Raises:
        ValueError: With what to do; OSError likewise.
    """
    access = need_access(studio.url, studio.token)
    parts, account = read_images(data, images)
    files = _files(parts, Path(out))
    server = access.connect()
    found = need_project(server, studio.project or project_title(data))
    classes = config_classes(found)
    tasks = server.get(f"/api/projects/{found['id']}/export", exportType="JSON", download_all_tasks="true")
    result = Pulled(found["id"], account=account)
    by_key = _by_key(tasks, parts, account)
    for part, file in zip(parts, files, strict=True):
        content = _labels(part, by_key, classes, result)
        write_json(file, content)
        result.files.append(str(file))
        result.objects += len(content["annotations"])
    return result


def _files(parts: list[Images], out: Path) -> list[Path]:
    if out.suffix.lower() == ".json":
        if len(parts) > 1:
            raise ValueError(f"{out}: this data set has {len(parts)} annotation files; name a folder to write them to.")
        return [out]
    return [out / "annotations" / (part.file.name if part.file else "annotations.json") for part in parts]


def _by_key(tasks: list[dict], parts: list[Images], account: Account) -> dict[str, dict]:
    """{key of an image: its task}; of two tasks of one image the one with labels."""
    keys, found = {part.key(image) for part in parts for image in part.coco["images"]}, {}
    for task in tasks:
        key = task["data"].get("file_name")
        if key not in keys:
            account.drop("task of an image that is not in the data set", str(key or task["data"].get("image")))
        elif key in found and not task["annotations"]:
            account.note("image with two tasks: the one without labels is left out", key)
        else:
            found[key] = task
    return found


def _labels(part: Images, tasks: dict[str, dict], classes: list[str], result: Pulled) -> dict:
    """COCO content of one annotation file."""
    done = [(image, tasks[part.key(image)]) for image in part.coco["images"] if _state(part, image, tasks) == "done"]
    builder = read_tasks([_plain(image, task) for image, task in done], Options(images=part.folder))
    result.account.add(builder.account)
    pulled = builder.coco()
    labelled = {image["id"] for image, _ in done}
    for image in part.coco["images"]:
        if image["id"] not in labelled:
            _count(image, part, _state(part, image, tasks), result)
    result.labelled += len(labelled)
    kept = [item for item in part.coco["annotations"] if item["image_id"] not in labelled]
    categories, number_of = _categories(part, classes, pulled)
    names = {item["id"]: item["name"] for item in pulled["categories"]}
    following = max((item["id"] for item in part.coco["annotations"]), default=0) + 1
    new = [
        {**item, "id": number, "category_id": number_of[names[item["category_id"]]]}
        for number, item in enumerate(pulled["annotations"], following)
    ]
    images = [i for i in part.coco["images"] if i["id"] in labelled or i["file_name"] in part.listed]
    return {**part.coco, "images": images, "annotations": kept + new, "categories": categories}


def _state(part: Images, image: dict, tasks: dict[str, dict]) -> str:
    """ "done", "skipped" or "open"."""
    annotations = tasks.get(part.key(image), {}).get("annotations") or []
    if any(not item.get("was_cancelled") for item in annotations):
        return "done"
    return "skipped" if annotations else "open"


def _count(image: dict, part: Images, state: str, result: Pulled) -> None:
    if image["file_name"] in part.listed:
        result.kept += 1
    elif state == "skipped":
        result.skipped += 1
        result.account.drop("image that was skipped in Label Studio", part.key(image))
    else:
        result.unlabelled += 1
        result.account.drop("image that nobody has labelled yet", part.key(image))


def _plain(image: dict, task: dict) -> dict:
    """The task with our name for its image, and without the pre-annotations."""
    data = {"image": image["file_name"], "coco_id": image["id"], "width": image["width"], "height": image["height"]}
    return {"data": data, "annotations": task["annotations"]}


def _categories(part: Images, classes: list[str], pulled: dict) -> tuple[list[dict], dict[str, int]]:
    """The file's categories and after them the new ones, and {name: id}."""
    categories = list(part.coco["categories"])
    number_of = {item["name"]: item["id"] for item in categories}
    for name in (*classes, *(item["name"] for item in pulled["categories"])):
        if name not in number_of:
            number_of[name] = max(number_of.values(), default=0) + 1
            categories.append({"id": number_of[name], "name": name})
    return categories, number_of
