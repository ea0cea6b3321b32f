"""Images, and what is known of their labels, into a project of Label Studio."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.formats.labelstudio_tasks import coco_to_tasks
from mrcnn_ext.labelstudio.access import FOUND, PROJECT, Studio, need_access
from mrcnn_ext.labelstudio.images import Images, class_names, read_images
from mrcnn_ext.labelstudio.project import make_project
from mrcnn_ext.labelstudio.server import Server
from mrcnn_ext.labelstudio.serving import served_from, upload

CHUNK = 20  # images in one request
MODEL_VERSION = "mrcnn"  # one name for all pre-annotations: Label Studio shows a person those of one name only


@dataclass
class Pushed:
    """What was done.

    Attributes:
        project: its number.
        url: of its page.
        classes: all of them.
        served: whether Label Studio reads the images from data/ (else they were sent).
        new: images with new tasks.
        there: images whose tasks were there.
        finished: of these the finished ones.
        from_labels: images with pre-annotations from the data set's labels.
        from_model: images with some from the model (also where it found nothing).
        account: what Label Studio cannot hold, and what was odd in the labels.
    """

    project: int
    url: str
    classes: list[str]
    served: bool = False
    new: int = 0
    there: int = 0
    finished: int = 0
    from_labels: int = 0
    from_model: int = 0
    account: Account = field(default_factory=Account)

    def to_dict(self) -> dict:
        """Ready for json.dump."""
        numbers = {key: value for key, value in asdict(self).items() if key != "account"}
        return numbers | {"account": self.account.to_dict()}

    def lines(self) -> list[str]:
        """For people."""
        how = "reads the images from data/" if self.served else "was sent the images"
        return [
            f"{self.new} new tasks, {self.there} were there, {self.finished} of them finished; Label Studio {how}",
            f"to correct: {self.from_labels} images with labels of the data set, {self.from_model} by the model",
            *(line for line in self.account.lines() if not line.startswith("kept")),
            f"Label at {self.url}",
        ]


def push(
    data: str | Path,
    *,
    classes: Sequence[str] = (),
    model: Any = None,
    studio: Studio = FOUND,
    images: str | Path | None = None,
    logs: str | Path = PROJECT / "logs",
    data_dir: str | Path | None = None,
    progress: bool = True,
) -> Pushed:
    """Make or complete the project of a data set: a task for each image, with what is known as pre-annotations.

    Pushing again adds what is new: no task is doubled, and pre-annotations are renewed where nobody has labelled yet.

    Args:
        data: Folder of images with or without annotation files, or an annotation file.
        classes: Names besides those of the labels.
        model: A run (see `find_run`), or (model, class names): it pre-labels the images without labels.
        studio: The project and its Label Studio.
        images: Folder of the images, where it is not the usual one.
        logs: Where the runs are; default: in the project, wherever this is called from.
        data_dir: The folder that Label Studio may see.
        progress: Show a bar.

    Returns:
        What was done, in numbers, with the project's page.

    Raises:
        ValueError: With what to do; OSError likewise.
    """
    access = need_access(studio.url, studio.token)
    parts, account = read_images(data, images)
    detector = _detector(model, logs)
    server = access.connect()
    names = class_names(parts, classes)
    for name in detector[1][1:] if detector else ():
        if name not in names:
            account.note("class that only the model has", name)
            names.append(name)
    found = make_project(server, studio.project or project_title(data), names)
    result = Pushed(found["id"], f"{access.browser}/projects/{found['id']}/data", names, account=account)
    job = _Push(server, parts, result, detector, progress)
    job.sort_out()
    addresses = served_from(server, result.project, parts, data_dir)
    result.served = addresses is not None
    for number, part in enumerate(parts):
        job.push_part(part, addresses[number] if addresses else None)
    if (result.from_labels or result.from_model) and found.get("model_version") != MODEL_VERSION:
        settings = {"model_version": MODEL_VERSION, "show_collab_predictions": True}
        server.patch(f"/api/projects/{result.project}", settings)
    return result


def project_title(data) -> str:
    """Title of a data set's project: its folder below data/, else the folder's name; Label Studio takes 50 letters."""
    folder = Path(data).resolve()
    if folder.is_file():
        folder = folder.parent.parent if folder.parent.name == "annotations" else folder.parent
    ours = (PROJECT / "data").resolve()
    title = folder.relative_to(ours).as_posix() if ours in folder.parents else folder.name
    return title[-50:] or "images"


def _detector(model, logs):
    """(model, class names) or None."""
    if model is None or isinstance(model, tuple):
        return model
    from mrcnn_ext.common.runs import find_run

    run = find_run(model, logs)
    return run.model(), run.class_names


class _Push:
    """One call of `push`: the tasks that are there, and what goes with each image."""

    def __init__(self, server: Server, parts: list[Images], result: Pushed, detector, progress: bool):
        self.server, self.parts, self.result = server, parts, result
        self.detector, self.progress = detector, progress
        self.tasks: dict[str, dict] = {}  # key of an image -> its task

    def sort_out(self) -> None:
        """Look at the tasks that are there."""
        keys = {part.key(image) for part in self.parts for image in part.coco["images"]}
        for task in self.server.tasks(self.result.project):
            key = task["data"].get("file_name")
            if key in keys:
                self.tasks.setdefault(key, task)
        self.result.there = len(self.tasks)
        self.result.finished = sum(is_finished(task) for task in self.tasks.values())

    def push_part(self, part: Images, address: str | None) -> None:
        """All images of one annotation file, some at a time."""
        images = [image for image in part.coco["images"] if not is_finished(self.tasks.get(part.key(image), {}))]
        with tqdm(total=len(images), desc="push", unit="image", disable=not self.progress) as bar:
            for start in range(0, len(images), CHUNK):
                chunk = images[start : start + CHUNK]
                self._push_chunk(part, chunk, address)
                bar.update(len(chunk))

    def _push_chunk(self, part: Images, images: list[dict], address: str | None) -> None:
        tasks = self._tasks(part, images)
        new = [task for task in tasks if task["data"]["file_name"] not in self.tasks]
        if new and address is None:
            paths = [part.folder / task["data"]["file_name"].removeprefix(part.prefix) for task in new]
            for task, uploaded in zip(new, upload(self.server, self.result.project, paths), strict=True):
                task["data"]["image"] = uploaded
        elif new:
            for task in new:
                task["data"]["image"] = address + task["data"]["image"]
        if new:
            self.server.post(f"/api/projects/{self.result.project}/import", new)
            self.result.new += len(new)
        self._renew(task for task in tasks if task["data"]["file_name"] in self.tasks)

    def _tasks(self, part: Images, images: list[dict]) -> list[dict]:
        """Tasks of some images; a prediction only where there are labels, or the model was asked."""
        ids = {image["id"] for image in images}
        labelled = part.labelled() & ids
        known = self._as_tasks(part, part.coco, labelled)
        asked = ids - labelled if self.detector else set()
        if asked:
            from mrcnn_ext.labelstudio.prelabels import detect_objects

            model, class_names = self.detector
            found = detect_objects(model, class_names, part, sorted(asked), progress=False)
            known |= self._as_tasks(part, found, asked)
        bare = ids - labelled - asked
        for image_id, task in self._as_tasks(part, part.coco, bare).items():
            known[image_id] = {"data": task["data"]}
        self.result.from_labels += len(labelled)
        self.result.from_model += len(asked)
        return [known[image["id"]] for image in images]

    def _as_tasks(self, part: Images, coco: dict, ids: set[int]) -> dict[int, dict]:
        """{image id: task} of some images of a COCO dict; the image's address still lacks its folder."""
        some = {
            "images": [image for image in coco["images"] if image["id"] in ids],
            "annotations": [item for item in coco["annotations"] if item["image_id"] in ids],
            "categories": coco["categories"],
        }
        tasks, account = coco_to_tasks(some, MODEL_VERSION, prefix="")
        self.result.account.add(account)
        for image, task in zip(some["images"], tasks, strict=True):
            task["data"]["file_name"] = part.key(image)
        return {image["id"]: task for image, task in zip(some["images"], tasks, strict=True)}

    def _renew(self, tasks) -> None:
        """New pre-annotations for tasks that are there, and the old ones away."""
        new, old = [], []
        for task in tasks:
            there = self.tasks[task["data"]["file_name"]]
            mine = [item for item in there["predictions"] if item["model_version"] == MODEL_VERSION]
            for prediction in task.get("predictions", ()):
                if len(mine) != 1 or mine[0]["result"] != prediction["result"]:
                    new.append({"task": there["id"], **prediction})
                    old += [item["id"] for item in mine]
        if new:
            self.server.post(f"/api/projects/{self.result.project}/import/predictions", new)
        for number in old:
            self.server.delete(f"/api/predictions/{number}/")


def is_finished(task: dict) -> bool:
    """Whether a person has labelled or skipped the image of a task."""
    return bool(task.get("annotations"))
