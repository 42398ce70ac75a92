"""Open a recording that came from outside with FFmpeg: limits first, known containers only, no file but the one given.

Imported only by the programs `probe` and `decode`, which run in processes of their own: FFmpeg's demuxers and decoders are a
million lines of C that read what anybody may upload.
"""

from __future__ import annotations

import resource
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

#: Containers that hold their media themselves. Playlists (hls, dash, concat) would make FFmpeg open what they name.
CONTAINERS = (
    "aac,ac3,eac3,aiff,amr,ape,asf,au,avi,caf,flac,flv,gsm,loas,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpc,mpc8,mpeg,mpegts,"
    "ogg,rm,tta,w64,wav,wv"
)

#: Media types by FFmpeg's container name: (sound only, with pictures).
MEDIA_TYPES = {
    "mp3": ("audio/mpeg", "audio/mpeg"),
    "wav": ("audio/wav", "audio/wav"),
    "flac": ("audio/flac", "audio/flac"),
    "ogg": ("audio/ogg", "video/ogg"),
    "aac": ("audio/aac", "audio/aac"),
    "aiff": ("audio/aiff", "audio/aiff"),
    "amr": ("audio/amr", "audio/amr"),
    "mp4": ("audio/mp4", "video/mp4"),
    "mov": ("video/quicktime", "video/quicktime"),
    "matroska": ("audio/x-matroska", "video/x-matroska"),
    "webm": ("audio/webm", "video/webm"),
    "asf": ("audio/x-ms-wma", "video/x-ms-wmv"),
    "avi": ("video/x-msvideo", "video/x-msvideo"),
    "mpegts": ("video/mp2t", "video/mp2t"),
    "mpeg": ("video/mpeg", "video/mpeg"),
}

NOT_A_RECORDING = "the file is not a recording in a format that is known here (such as MP3, M4A, WAV, OGG, FLAC, WebM, MP4)"

BAD_INDEX = "the file is cut off or damaged: the index of an MP4, without which nothing in it can be found, is missing or incomplete"


class Refused(Exception):
    """The file cannot be transcribed; the sentence says why, to the person who uploaded it."""


def confine(*, megabytes: int, cpu_seconds: int) -> None:
    """Limit this process for good: memory, processor time, no files written, no core dump. Call it before `av` is imported."""
    for limit, most in (
        (resource.RLIMIT_AS, megabytes << 20),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        hard = resource.getrlimit(limit)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (most, most))


class Bytes:
    """A file as FFmpeg may see it: its bytes, without a name that would suggest a format or a folder to look around in."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def open_recording(path: Path) -> InputContainer:
    """Open the container at `path`. Raises Refused if it is none, or none of CONTAINERS."""
    import av

    try:
        return av.open(
            Bytes(path.open("rb")),
            mode="r",
            options={"format_whitelist": CONTAINERS, "protocol_whitelist": ""},
            metadata_errors="ignore",
            buffer_size=1 << 18,
        )
    except av.FFmpegError as error:
        # An MP4 that was not made for streaming keeps its index at the end. "[mov,mp4" is who spoke last in FFmpeg.
        raise Refused(BAD_INDEX if "[mov,mp4" in str(error) else NOT_A_RECORDING) from None


def sound_track(container: InputContainer) -> AudioStream:
    """Return the sound track that a player would choose, with every other stream left unread. Raises Refused if there is none."""
    from av.audio.stream import AudioStream
    from av.stream import Discard

    if not container.streams.audio:
        raise Refused("the video has no sound track" if container.streams.video else NOT_A_RECORDING)
    best = container.streams.best("audio")
    if not isinstance(best, AudioStream):
        best = container.streams.audio[0]
    for stream in container.streams:
        if stream is not best:
            stream.discard = Discard.all
    best.codec_context.thread_count = 1
    return best


def names(container: InputContainer, track: AudioStream) -> tuple[str, str, str]:
    """Return the container's short name, the codec's, and the media type."""
    name = container.format.name.split(",")[0]
    if name == "mov":
        name = "mov" if container.metadata.get("major_brand", "").startswith("qt") else "mp4"
    elif name == "matroska":
        codecs = {stream.codec_context.codec.canonical_name for stream in (*container.streams.audio, *container.streams.video)}
        name = "webm" if codecs <= {"opus", "vorbis", "vp8", "vp9", "av1"} else name
    pictures = any(not is_cover(stream) for stream in container.streams.video)
    return name, track.codec_context.codec.canonical_name, MEDIA_TYPES.get(name, ("application/octet-stream",) * 2)[pictures]


def is_cover(stream: VideoStream) -> bool:
    """Tell a still picture that belongs to the tags from a film."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)
