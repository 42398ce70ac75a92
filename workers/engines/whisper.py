"""Load a Whisper model once per process, and decode a chunk with it one window at a time, so that it can be resumed exactly.

faster-whisper's own `transcribe` hands out segments and keeps to itself where its next window starts and where the last word
ended. Both are needed to go on after a kill with the same text and times, so the loop over the windows is here; what happens inside
one is faster-whisper's: encoding, beam search, time stamps, words. Tests hold the whole against `WhisperModel.transcribe`.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import Segment, Word, restore_speech_timestamps
from faster_whisper.utils import available_models, download_model, get_end
from faster_whisper.vad import collect_chunks
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

from jobs.errors import Misconfigured
from workers.engines.chunks import SAMPLE_RATE
from workers.engines.features import features
from workers.engines.voice import speech_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jobs.settings import Settings

#: glibc's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD, in bytes. Left alone they grow to 32 and 64 MB: 80 MB more at the peak of a chunk.
#: Smaller than this costs processor time: at 1 MB a fifth.
MALLOC_OPTIONS = ((-3, 4 << 20), (-1, 16 << 20))
#: What CTranslate2 says, always as a RuntimeError, of a folder that holds no model and of a device that is not there.
MISCONFIGURED = (
    "unable to open file",
    "unsupported model",
    "incomplete",
    "driver version",
    "no cuda-capable device",
    "invalid device",
    "not compiled with cuda",
)
CHOOSE_MODEL = (
    "set WHISPER_MODEL to a folder with a CTranslate2 model, "
    "or to a name that can be downloaded from here (tiny, base, small, medium, large-v3, turbo …)"
)
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")  #: owner/model on the Hugging Face Hub
MOST_THREADS = 4  #: decoding a sequence gains little from more


@dataclass(frozen=True, slots=True)
class Window:
    """What one window of at most 30 s held, on the chunk's clock, and where to go on."""

    segments: tuple[dict[str, Any], ...]
    next_seek: int  #: frame of 10 ms in the chunk's speech at which the next window starts
    speech_end_s: float  #: where the last word ended, on the clock of the chunk's speech; the times of the next words depend on it


class NotLoaded(Exception):
    """The model could not be loaded this time; it may be another time. Says what stood in the way."""


#: The model that is loaded, by what it was loaded with: one at most.
_loaded: dict[tuple[str, str, str, int], WhisperModel] = {}


def load(name: str, settings: Settings) -> WhisperModel:
    """Return the model called `name`; loaded when it is first asked for, dropped when another one is.

    Raises Misconfigured for what a setting has to mend, and NotLoaded for what may pass: no network, no memory left.
    """
    threads = settings.whisper_threads or min(MOST_THREADS, os.cpu_count() or 1)
    wanted = (name, settings.whisper_device, settings.whisper_compute_type, threads)
    if wanted not in _loaded:
        _loaded.clear()  # first: there may not be memory for two
        folder = found(name)
        give_memory_back()
        try:
            _loaded[wanted] = WhisperModel(
                folder, device=settings.whisper_device, compute_type=settings.whisper_compute_type, cpu_threads=threads
            )
        except (ValueError, RuntimeError) as error:
            final = isinstance(error, ValueError) or any(sign in str(error).lower() for sign in MISCONFIGURED)
            raise (Misconfigured if final else NotLoaded)(why_not_loaded(name, settings, error)) from error
    return _loaded[wanted]


def found(name: str) -> str:
    """Return the folder of the model called `name`, downloaded if it is not there yet. Raises Misconfigured, NotLoaded."""
    if os.path.isdir(name):
        return name
    if name not in available_models() and not HUB_ID.fullmatch(name):
        raise Misconfigured(f"the speech model {name!r} is neither a folder nor known by that name; {CHOOSE_MODEL}")
    try:
        return str(download_model(name))
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise Misconfigured(
            f"the speech model {name!r} is neither a folder nor to be found on the Hugging Face Hub; {CHOOSE_MODEL}"
        ) from error
    except Exception as error:  # of any of the libraries that a download goes through; none of them is about a setting
        raise NotLoaded(
            f"the speech model {name!r} could not be downloaded: {cause(error)}; check the network, or set WHISPER_MODEL to a folder"
        ) from error


def give_memory_back() -> None:
    """Have the C library return large arrays to the system when they are freed."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's; others have no such habit
    if mallopt:
        for option, most_bytes in MALLOC_OPTIONS:
            mallopt(option, most_bytes)


def why_not_loaded(name: str, settings: Settings, error: Exception) -> str:
    """Say which setting to change, judging by the words of CTranslate2, which raises ValueError and RuntimeError for everything."""
    said = str(error).lower()
    if "compute type" in said:
        mend = f"set WHISPER_COMPUTE_TYPE (now {settings.whisper_compute_type!r}) to one that the device has; int8 and float32 always work"
    elif "out of memory" in said or "alloc" in said:
        mend = "free memory, set WHISPER_MODEL to a smaller one, or start fewer long workers"
    elif "device" in said or "cuda" in said:
        mend = f"set WHISPER_DEVICE (now {settings.whisper_device!r}) to cpu, or to one that this machine has"
    else:
        mend = CHOOSE_MODEL
    return f"the speech model {name!r} cannot be loaded: {cause(error)}; {mend}"


def cause(error: Exception) -> str:
    """Return the first line of what `error` says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def named(wanted: str | None, settings: Settings) -> str:
    """Return the model to use: the one a job asks for, or WHISPER_MODEL. Raises Misconfigured for a name faster-whisper does not know."""
    if wanted is None:
        return settings.whisper_model
    if wanted not in available_models():
        raise Misconfigured(f"there is no speech model called {wanted!r}; leave `model` out, or choose of {', '.join(available_models())}")
    return wanted


class Chunk:
    """The speech of one chunk, ready to be decoded from any window on."""

    def __init__(
        self, model: WhisperModel, sound: NDArray[np.float32], *, language: str, word_timestamps: bool, vocabulary: Sequence[str]
    ) -> None:
        self.model = model
        self.speech = speech_in(sound)
        # Options as faster-whisper itself makes them. Temperature 0 only: what it falls back to is drawn by lot, and a resumed
        # run would not draw the same. No text of the window before as a prompt: a window depends on nothing but its own sound.
        _, info = model.transcribe(
            np.zeros(SAMPLE_RATE, dtype=np.float32),
            language=language,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=word_timestamps,
            hotwords=", ".join(vocabulary) or None,
        )
        self.options = info.transcription_options
        self.tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=info.language)
        self.features = speech_features(model, sound, self.speech)
        self.frames = max(self.features.shape[-1] - 1, 0) if self.speech else 0

    def windows(self, seek: int = 0, speech_end_s: float = 0.0) -> Iterator[Window]:
        """Decode from the window that starts at `seek` on, one at a time, as they are asked for."""
        while seek < self.frames:
            window = self.decode(seek, speech_end_s)
            yield window
            seek, speech_end_s = window.next_seek, window.speech_end_s

    def decode(self, seek: int, speech_end_s: float) -> Window:
        """Decode the window at `seek`. The same arguments give the same window."""
        model, options = self.model, self.options
        frame_s = model.feature_extractor.time_per_frame
        frames = min(model.feature_extractor.nb_max_frames, self.frames - seek)
        encoded = model.encode(pad_or_trim(self.features[:, seek : seek + frames]))
        prompt = model.get_prompt(self.tokenizer, [], hotwords=options.hotwords)
        result, avg_logprob, _, _ = model.generate_with_fallback(encoded, prompt, self.tokenizer, options)
        if result.no_speech_prob > options.no_speech_threshold and avg_logprob <= options.log_prob_threshold:
            return Window((), seek + frames, speech_end_s)
        pieces, next_seek, ends_with_time = model._split_segments_by_timestamps(
            self.tokenizer, result.sequences_ids[0], seek * frame_s, frames, frames * frame_s, seek
        )
        if options.word_timestamps:
            model.add_word_timestamps(
                [pieces], self.tokenizer, encoded, frames, options.prepend_punctuations, options.append_punctuations, speech_end_s
            )
            last_word_end = get_end(pieces)
            if last_word_end is not None:
                speech_end_s = float(last_word_end)
                if not ends_with_time and speech_end_s > seek * frame_s:
                    next_seek = round(speech_end_s * model.frames_per_second)
        if next_seek <= seek:
            next_seek = seek + frames  # A window that claims to hold nothing would be decoded for ever.
        segments = self.on_the_chunks_clock(pieces, avg_logprob, result.no_speech_prob)
        return Window(segments, next_seek, speech_end_s)

    def on_the_chunks_clock(self, pieces: list[dict[str, Any]], avg_logprob: float, no_speech_prob: float) -> tuple[dict[str, Any], ...]:
        """Return the pieces that have text, with the silences put back between them that were left out before decoding."""
        segments = [
            Segment(
                id=0,
                seek=piece["seek"],
                start=piece["start"],
                end=piece["end"],
                text=text,
                tokens=piece["tokens"],
                temperature=0.0,
                avg_logprob=avg_logprob,
                compression_ratio=0.0,
                no_speech_prob=no_speech_prob,
                words=[Word(**word) for word in piece["words"]] if self.options.word_timestamps else None,
            )
            for piece in pieces
            if piece["start"] != piece["end"] and (text := self.tokenizer.decode(piece["tokens"])).strip()
        ]
        return tuple(as_json(segment) for segment in restore_speech_timestamps(segments, self.speech, SAMPLE_RATE))


def speech_features(model: WhisperModel, sound: NDArray[np.float32], speech: list[dict[str, Any]]) -> NDArray[np.float32]:
    """Return the features of what is speech in `sound`, all of it at once: they are scaled by their loudest moment."""
    parts, _ = collect_chunks(sound, speech)
    joined = np.concatenate(parts, axis=0)
    return features(model.feature_extractor, joined) if len(joined) else np.zeros((0, 0), dtype=np.float32)


def as_json(segment: Segment) -> dict[str, Any]:
    """Return a segment as plain JSON: faster-whisper's numbers are numpy's at times."""
    plain: dict[str, Any] = {
        "start": float(segment.start),
        "end": float(segment.end),
        "text": segment.text.strip(),
        "avg_logprob": round(float(segment.avg_logprob), 4),
        "no_speech_prob": round(float(segment.no_speech_prob), 4),
    }
    if segment.words is not None:
        plain["words"] = [
            {
                "word": word.word.strip(),
                "start": float(word.start),
                "end": float(word.end),
                "probability": round(float(word.probability), 4),
            }
            for word in segment.words
        ]
    return plain


def detect_language(model: WhisperModel, sound: NDArray[np.float32]) -> str | None:
    """Return the language of the first 30 s of speech in `sound`, or None if nobody speaks."""
    speech = speech_in(sound)
    if not speech:
        return None
    language, _, _ = model.detect_language(features=speech_features(model, sound, speech))
    return str(language)
