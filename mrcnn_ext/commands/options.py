"""Options and arguments that several commands have: one name and one sentence for each."""

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[
    str,
    typer.Argument(
        help='The run: "last" (the newest), "best" (its epoch with the best AP), its folder or the name of it in '
        "logs/, or a weights file beside its config.json."
    ),
]
Images = Annotated[Path | None, typer.Option(help="Folder of the images. Default: the usual one of the data set.")]
Subset = Annotated[str, typer.Option(help="Part of the data set.")]
Year = Annotated[str, typer.Option(help="End of the file names of the data set; may be empty.")]
Logs = Annotated[Path, typer.Option(help="Folder of the runs.")]
AllowPrivate = Annotated[
    bool, typer.Option("--allow-private", help="Also fetch from hosts in this network, such as localhost.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document; everything else goes to standard error.")]
