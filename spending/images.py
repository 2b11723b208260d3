"""Pictures of rewards: what is taken for one, and which are forgotten."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from loyalty.stores.models import Store

from .models import RewardImage

MOST_BYTES = 300_000
UNUSED_FOR = timedelta(days=1)


def content_type_of(content: bytes) -> str:
    """By how the file begins: its name and what the browser says of it may be anything. "" for other files."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else ""


def keep(store: Store, file: UploadedFile | None) -> RewardImage:
    """Keep an uploaded picture; a reward may show it then. Raises ValidationError."""
    if file is None:
        raise ValidationError("Choose a file.")
    if (file.size or 0) > MOST_BYTES:
        raise ValidationError(
            f"This file has {(file.size or 0) // 1000:,} kB, at most 300 kB are taken. Make it smaller."
        )
    content = file.read()
    content_type = content_type_of(content)
    if not content_type:
        raise ValidationError("This is no PNG, JPEG or WebP picture. Save it as one of these.")
    forget_unused(store)
    return RewardImage.objects.create(store=store, content_type=content_type, content=content)


def find(store: Store, public_id: object) -> RewardImage | None:
    try:
        return store.reward_images.filter(public_id=public_id).first() if public_id else None
    except ValidationError:  # not even an id
        return None


def forget_unused(store: Store) -> None:
    """Pictures that were uploaded and then not saved with a reward, or replaced."""
    shown = store.rewards.filter(image__isnull=False).values("image")
    store.reward_images.filter(created_at__lt=timezone.now() - UNUSED_FOR).exclude(pk__in=shown).delete()
