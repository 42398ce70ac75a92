"""What makes a ZIP the same every time: entries that carry no time. Word documents, Anki decks and packages are ZIPs."""

from __future__ import annotations

import io
import zipfile

EPOCH = (1980, 1, 1, 0, 0, 0)  #: the earliest time that a ZIP can name; stands for "none"


def entry(name: str, bytes: int = 0) -> zipfile.ZipInfo:
    """Return an entry of so many bytes, by which zipfile decides whether it needs 64-bit sizes."""
    told = zipfile.ZipInfo(name, EPOCH)
    told.compress_type = zipfile.ZIP_DEFLATED
    told.create_system = 3  # Unix, whatever packs: the rights are Unix's
    told.external_attr = 0o644 << 16
    told.file_size = bytes
    return told


def packed(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        for name, data in files.items():
            package.writestr(entry(name), data)
    return target.getvalue()


def repacked(data: bytes) -> bytes:
    """Return a ZIP with the same files in the same order, and no times."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return packed({name: package.read(name) for name in package.namelist()})
