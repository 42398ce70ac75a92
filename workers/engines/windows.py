"""Decode a chunk with a Whisper model one window at a time, so that it can be resumed exactly, and a bad window decoded again.

faster-whisper's own `transcribe` hands out segments and keeps to itself where its next window starts and where the last word
ended. Both are needed to go on after a kill with the same text and times, so the loop over the windows is here; what happens inside
one is faster-whisper's: encoding, beam search, time stamps, words. Tests hold the whole against `WhisperModel.transcribe`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import Segment, Word, restore_speech_timestamps
from faster_whisper.utils import get_end
from faster_whisper.vad import collect_chunks

from workers.engines import guard, whisper
from workers.engines.chunks import SAMPLE_RATE
from workers.engines.features import features
from workers.engines.voice import listen, speech_in

if TYPE_CHECKING:
    import ctranslate2
    from faster_whisper import WhisperModel
    from numpy.typing import NDArray

SHORTEST_WORD_SECONDS = 0.1  #: no word is spoken in less


@dataclass(frozen=True, slots=True)
class Window:
    """What one window of at most 30 s held, on the chunk's clock, and where to go on."""

    segments: tuple[dict[str, Any], ...]
    next_seek: int  #: frame of 10 ms in the chunk's speech at which the next window starts
    speech_end_s: float  #: where the last word ended, on the clock of the chunk's speech; the times of the next words depend on it


class Chunk:
    """The speech of one chunk, ready to be decoded from any window on."""

    def __init__(
        self,
        model: WhisperModel,
        sound: NDArray[np.float32],
        *,
        language: str,
        word_timestamps: bool,
        vocabulary: Sequence[str],
        checkpoint: Callable[[], None] = lambda: None,
    ) -> None:
        self.model = model
        self.checkpoint = checkpoint
        self.speech, self.spoken, self.perhaps = listen(sound)
        # Options as faster-whisper itself makes them. Its own fall-back to other temperatures is left out: what it draws by lot, a
        # resumed run would not draw. No text of the window before as a prompt: a window depends on nothing but its own sound.
        _, info = model.transcribe(
            np.zeros(SAMPLE_RATE, dtype=np.float32),
            language=language,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=word_timestamps,
            hotwords=", ".join(fitting(model, vocabulary)) or None,
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
        """Decode the window at `seek`, in one way after the other until nothing is doubtful; else the least doubtful, likeliest one.

        The same arguments give the same window: what is drawn by lot is drawn of a seed that depends on `seek` alone.
        """
        if self.heard_s(seek) < SHORTEST_WORD_SECONDS:  # mostly the margin behind the last word: it would cost as much as 30 s of speech
            return Window((), seek + self.length(seek), speech_end_s)
        encoded = self.encoded(seek)
        drawing = False
        best, least = Window((), seek, speech_end_s), (2.0, 0.0)
        for n, way in enumerate(guard.WAYS):
            if n:
                self.checkpoint()
            if way.temperature and not drawing:
                whisper.reseed(self.model, seek)
                encoded, drawing = self.encoded(seek), True  # the other one may have gone with the model's memory
            window, likelihood = self.attempt(seek, speech_end_s, encoded, way)
            doubtfulness = guard.doubtfulness(window.segments, 0.0 if window.segments else self.heard_s(seek))
            if (doubtfulness, -likelihood) < least:
                best, least = window, (doubtfulness, -likelihood)
            if not doubtfulness:
                break
        return best

    def length(self, seek: int) -> int:
        """Return how many frames the window at `seek` has."""
        return int(min(self.model.feature_extractor.nb_max_frames, self.frames - seek))

    def encoded(self, seek: int) -> ctranslate2.StorageView:
        return self.model.encode(pad_or_trim(self.features[:, seek : seek + self.length(seek)]))

    def heard_s(self, seek: int) -> float:
        """Return for how long somebody speaks in the window at `seek`, a place in what is left without the silences."""
        frame_s = self.model.feature_extractor.time_per_frame
        before_s, left_s = seek * frame_s, self.length(seek) * frame_s
        heard = 0.0
        for part in self.speech:
            start_s, end_s = part["start"] / SAMPLE_RATE, part["end"] / SAMPLE_RATE
            skipped_s = min(before_s, end_s - start_s)
            before_s, start_s = before_s - skipped_s, start_s + skipped_s
            end_s = min(end_s, start_s + left_s)
            left_s -= end_s - start_s
            heard += sum(max(min(end_s, until) - max(start_s, since), 0.0) for since, until in self.spoken)
        return heard

    def attempt(self, seek: int, speech_end_s: float, encoded: ctranslate2.StorageView, way: guard.Way) -> tuple[Window, float]:
        """Decode the window at `seek` in one way; return it, and the mean logarithm of its words' probability."""
        model, options = self.model, self.options
        frame_s = model.feature_extractor.time_per_frame
        frames = self.length(seek)
        prompt = model.get_prompt(self.tokenizer, [], hotwords=options.hotwords if way.vocabulary else None)
        how = replace(
            options,
            temperatures=[way.temperature],
            repetition_penalty=way.repetition_penalty,
            no_repeat_ngram_size=way.no_repeat_ngram_size,
        )
        result, avg_logprob, _, _ = model.generate_with_fallback(encoded, prompt, self.tokenizer, how)
        if result.no_speech_prob > options.no_speech_threshold and avg_logprob <= options.log_prob_threshold:
            return Window((), seek + frames, speech_end_s), avg_logprob
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
        return Window(guard.judged(segments, self.perhaps), next_seek, speech_end_s), avg_logprob

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


def fitting(model: WhisperModel, vocabulary: Sequence[str]) -> Sequence[str]:
    """Return as many of the first words as a model takes as a hint: half of what it can hold, as faster-whisper cuts it, in whole words."""
    left = model.max_length // 2 - 1
    for n, word in enumerate(vocabulary):
        left -= len(model.hf_tokenizer.encode(f" {word},", add_special_tokens=False).ids)
        if left < 0:
            return vocabulary[:n]
    return vocabulary


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
