"""What our HTML pages share: one style, tables, images inside the page. A page needs nothing else."""

import base64
import io
from html import escape

import numpy as np
from PIL import Image

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bar: #3b82f6; --error: #dc2626; --warning: #b45309; --note: #64748b }
@media (prefers-color-scheme: dark) { :root { --error: #f87171; --warning: #fbbf24; --note: #94a3b8 } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: .2rem } h2 { font-size: 1.1rem; margin-top: 2rem }
.verdict { font-size: 1.1rem; font-weight: 600 } .error { color: var(--error) } .warning { color: var(--warning) }
.note { color: var(--note) } .muted { opacity: .7 }
table { border-collapse: collapse }
td, th { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: left }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
.charts { display: flex; flex-wrap: wrap; gap: 2.5rem }
.bar { background: var(--bar); height: .8rem; border-radius: 2px }
details { border-bottom: 1px solid var(--line); padding: .45rem 0 } summary { cursor: pointer }
details ul { margin: .4rem 0 } .cases { display: flex; flex-wrap: wrap; gap: 1rem; margin: .7rem 0 }
figure { margin: 0; max-width: 23.5rem } figure img { max-width: 100%; display: block }
figure.wide { max-width: 100% }
figcaption { font-size: .85rem; overflow-wrap: anywhere }
.scroll { overflow-x: auto }
"""


def document(title: str, body: list[str]) -> str:
    """A whole page from parts of HTML; empty parts are left out."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        + "\n".join(filter(None, body))
        + "</body></html>\n"
    )


def table(head, rows) -> str:
    """A table whose columns after the first are numbers, or text."""

    def line(tag, cells):
        first, *rest = cells
        numbers = "".join(
            f'<{tag} class="n">{escape(f"{c:,}" if isinstance(c, int) else str(c))}</{tag}>' for c in rest
        )
        return f"<tr><{tag}>{escape(str(first))}</{tag}>{numbers}</tr>"

    return f'<div class="scroll"><table>{line("th", head)}{"".join(line("td", row) for row in rows)}</table></div>'


def image(source, caption: str, wide=False) -> str:
    """A figure with a caption. source: a data URI."""
    return (
        f'<figure{" class=wide" if wide else ""}><img src="{source}" alt="{escape(caption)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def jpeg_uri(image) -> str:
    """A Pillow image or an array uint8 (H, W, 3) as a data URI."""
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def png_bytes(figure) -> bytes:
    """A Matplotlib figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90, facecolor="white")
    return buffer.getvalue()


def figure_uri(figure) -> str:
    """A Matplotlib figure as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(figure)).decode("ascii")
