"""Which uploaded files are transcripts, not recordings: text by its name and by its bytes. What they say is read by the engine `read`."""

from __future__ import annotations

from pathlib import Path, PurePath

from jobs.errors import Unplayable

#: By the end of the file's name.
MEDIA_TYPES = {
    ".txt": "text/plain",
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt",
    ".json": "application/json",
}
MAX_BYTES = 20_000_000  #: six hours with the times of each word take a quarter of it


def suffix(filename: str) -> str:
    return PurePath(filename).suffix.lower()


def media_type(filename: str) -> str | None:
    """Return the media type of a transcript of this name, None for what would be a recording."""
    return MEDIA_TYPES.get(suffix(filename))


def is_transcript(media_type: str) -> bool:
    return media_type in MEDIA_TYPES.values()


def check(path: Path) -> None:
    """Look whether a file is a text at all. Raises Unplayable."""
    too_large(path.stat().st_size)
    decode(path.read_bytes())


def too_large(size: int) -> None:
    """Raise Unplayable for what is too large to be a transcript."""
    if size > MAX_BYTES:
        raise Unplayable(f"the transcript is {size} bytes large; at most {MAX_BYTES} are accepted", limit=MAX_BYTES)


def decode(data: bytes) -> str:
    """Return the text of a transcript. Raises Unplayable for what is empty or no text in UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unplayable("the file is not a text in UTF-8; save it as one") from None
    if "\0" in text:
        raise Unplayable("the file is not a text: it has NUL characters")
    if not text.strip():
        raise Unplayable(f"the file is empty ({len(data)} bytes)")
    return text.replace("\r\n", "\n").replace("\r", "\n")
