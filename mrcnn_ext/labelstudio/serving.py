"""How Label Studio gets at the images: from our folder data/ where it sees it, else each is sent to it."""

from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from mrcnn_ext.convert.formats.labelstudio_tasks import LOCAL_FILES
from mrcnn_ext.labelstudio.access import PROJECT
from mrcnn_ext.labelstudio.images import Images
from mrcnn_ext.labelstudio.server import Refused, Server

IN_CONTAINER = "/workspace/data"  # where docker-compose.yml puts data/
NO_FILE = "(?!)"  # a pattern nothing matches: the button that scans the folder adds no task a second time


def served_from(
    server: Server, project_id: int, parts: list[Images], data_dir: str | Path | None = None
) -> list | None:
    """Address of each part's folder of images on the server, or None where it cannot serve them.

    The server must see our data/ (data_dir) in the container, or at the same path as we do; one image is looked at.
    """
    root = Path(data_dir or PROJECT / "data").resolve()
    folders = [part.folder.resolve() for part in parts]
    if any(root not in folder.parents for folder in folders):
        return None
    inside = [folder.relative_to(root).as_posix() for folder in folders]
    addresses = [f"{LOCAL_FILES}{quote(name)}/" for name in inside]
    part, address = next((p, a) for p, a in zip(parts, addresses, strict=True) if p.coco["images"])
    first = part.coco["images"][0]["file_name"]
    for base in (IN_CONTAINER, str(root)):
        if all(_connect(server, project_id, f"{base}/{name}") for name in dict.fromkeys(inside)):
            content = server.get_bytes(address + quote(first))
            if content == (part.folder / first).read_bytes():
                return addresses
    return None


def upload(server: Server, project_id: int, paths: list[Path]) -> list[str]:
    """Send images; their addresses on the server, in the same order.  Raises ValueError for a kind it cannot take."""
    with ExitStack() as stack:
        files = {f"file{i}": (path.name, stack.enter_context(path.open("rb"))) for i, path in enumerate(paths)}
        answer = server.post(f"/api/projects/{project_id}/import?commit_to_project=false", files=files)
    numbers = answer["file_upload_ids"]
    listed = server.get(f"/api/projects/{project_id}/file-uploads", ids=str(numbers))
    names = {item["id"]: item["file"] for item in listed}
    return [f"/data/{quote(names[number])}" for number in numbers]


def _connect(server: Server, project_id: int, path: str) -> bool:
    """Let the project show the files below a folder of the server; False where it has no such folder."""
    storages = server.get("/api/storages/localfiles", project=project_id)
    if any(storage["path"] == path for storage in storages):
        return True
    settings = {"project": project_id, "path": path, "title": path, "regex_filter": NO_FILE, "use_blob_urls": True}
    try:
        server.post("/api/storages/localfiles", settings)
    except Refused as error:
        if error.status in (400, 403, 404):
            return False
        raise
    return True
