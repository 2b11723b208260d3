"""The widget's scripts and style, served under names that say their content, and the loader that names them.

Not through the static files: shops hold the loader against the very bytes by their integrity value, other origins
must be able to read them, and what a name once meant it means for ever.
"""

import base64
import gzip
import hashlib
from dataclasses import dataclass
from functools import cache

from django.conf import settings

FOLDER = settings.BASE_DIR / "static" / "widget"
# Each is made of these parts, one after the other, in a function of its own.
SCRIPTS = {
    "widget.js": ["colours.js", "launcher.js", "widget.js"],
    "frame.js": ["colours.js", "elements.js", "api.js", "panel.js", "page.js"],
    "preview.js": ["colours.js", "elements.js", "launcher.js", "panel.js", "preview.js"],
}
TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class File:
    name: str
    content: bytes
    zipped: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha384(self.content).hexdigest()[:16]

    @property
    def integrity(self) -> str:
        return f"sha384-{base64.b64encode(hashlib.sha384(self.content).digest()).decode()}"

    @property
    def content_type(self) -> str:
        return TYPES[self.name.rpartition(".")[2]]


def file(name: str) -> File:
    """Read once; while developing, every time."""
    return read(name) if settings.DEBUG else kept(name)


def read(name: str) -> File:
    parts = [(FOLDER / part).read_text() for part in SCRIPTS.get(name, [name])]
    text = "".join(parts)
    content = (f'(function () {{\n"use strict";\n{text}\n}})();\n' if name in SCRIPTS else text).encode()
    return File(name, content, gzip.compress(content, 9, mtime=0))


kept = cache(read)
NAMES = (*SCRIPTS, "frame.css")


def loader(base_path: str) -> bytes:
    """The script that shops have on their pages: the same for all, changed only with the widget itself."""
    widget = file("widget.js")
    text = (FOLDER / "loader.js").read_text()
    text = text.replace("{path}", f"{base_path}{widget.digest}/widget.js").replace("{integrity}", widget.integrity)
    return text.encode()
