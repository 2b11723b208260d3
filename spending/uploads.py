"""Files as they come in."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler
from django.http import HttpRequest

from . import coupon_imports

AROUND = 64 * 1024  # bytes of a form around its file


class LimitedUpload(TemporaryFileUploadHandler):
    """Stops reading a file that is too large, and keeps nothing of it."""

    came, is_too_large = 0, False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> Any:
        self.came += len(raw_data)
        if self.came > coupon_imports.MAX_BYTES:
            self.is_too_large = True
            raise StopUpload(connection_reset=True)
        return super().receive_data_chunk(raw_data, start)


def only_file(request: HttpRequest) -> UploadedFile | None:
    """The part `file` of a form, if it came alone: of two, one would be lost without a word."""
    came = sum(len(files) for _, files in request.FILES.lists())
    return request.FILES.get("file") if came == 1 else None
