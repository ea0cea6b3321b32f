"""HTML of our pages and tables from templates, and images as parts of a page. A page needs nothing else.

The templates are the .html files beside the code that fills them. Every value is escaped: what is in a file's name, a
class's name or a label stays text.
"""

import base64
import io
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def render(template: str, **values: object) -> str:
    """Fill a template.

    Args:
        template: Its path below the package, such as "check/page.html".
        values: What it names. In it, the filter `shown` writes whole numbers with commas.

    Returns:
        The HTML, with every value escaped.
    """
    return _environment().get_template(template).render(**values)


def jpeg_uri(image: Image.Image | np.ndarray) -> str:
    """A Pillow image or an array uint8 (H, W, 3) as a data URI."""
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def png_bytes(figure: "Figure") -> bytes:
    """A Matplotlib figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90, facecolor="white")
    return buffer.getvalue()


def figure_uri(figure: "Figure") -> str:
    """A Matplotlib figure as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(figure)).decode("ascii")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mrcnn_ext", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["shown"] = _shown
    return environment


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
