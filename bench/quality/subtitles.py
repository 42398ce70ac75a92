"""Subtitles: how many cues can be read in the time they are shown, and what it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

from bench.processes import ROOT
from bench.recordings import MODEL
from workers.forms import cues
from workers.forms.timing import width

TITLE = "Subtitles"
NOTES = (
    "A cue is within the limits when it has at most 2 lines of 42 characters and is shown for a second for every 20 of them.",
    "The sentences of the samples are spoken by synthetic voices that hardly pause, and said again faster than people speak.",
)

SAMPLES = ("lecture.ogg", "seminar.mp3", "pause.ogg", "short-en-gb.mp3", "short-en-us.wav", "short-f3.ogg", "short-slt.ogg")
SPEEDS = (1.0, 1.5, 2.0)

Heard = tuple[list[dict[str, Any]], float]


def measure() -> list[tuple[str, str, str]]:
    heard = [transcribe(ROOT / "samples" / name) for name in SAMPLES]
    figures = []
    for speed in SPEEDS:
        spoken = [faster(*one, speed) for one in heard]
        how = f"{len(SAMPLES)} samples by the demo model, times of words" + (f", all times divided by {speed:g}" if speed > 1 else "")
        rate = sum(len(segment["text"]) for segments, _ in spoken for segment in segments) / sum(map(talking, spoken))
        figures.append((f"cues within the limits, speech of {rate:.0f} characters a second", share(shown(spoken)), how))
        figures.append(("… of one cue a segment, as it was transcribed", share(bare(spoken)), "the same, nothing split or moved"))
        late = [(cue.start_ms - said.first_ms) / 1000 for one in spoken for said, cue in timed(one)]
        moved = sum(seconds > 0 for seconds in late)
        figures.append(("… cues later than their first word", f"{moved} of {len(late)}, at most {max(late):.2f} s", "the same cues"))
    whole = [([joined(segments)], seconds) for segments, seconds in heard if len(segments) > 1]
    figures.append(("cues within the limits, of segments without an end", share(shown(whole)), "each sample one segment, times of words"))
    wordless = [([{**part, "words": []} for part in segments], seconds) for segments, seconds in whole]
    figures.append(("… without times of words", share(shown(wordless)), "the same, shared out by the widths of words"))
    words = [word for segments, _ in whole for segment in segments for word in segment["text"].split()]
    seen = [word for cue in shown(whole) for line in cue.lines for word in line.split()]
    wrong = sum(said != read for said, read in zip_longest(words, seen))
    figures.append(("words lost, doubled or moved", f"{wrong} of {len(words)}", "segments without an end"))
    return figures


def transcribe(path: Path) -> Heard:
    """Return the segments of a sample with the times of words, and its length, as the bare model hears it."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(MODEL), device="cpu", compute_type="int8", cpu_threads=1)
    segments, info = model.transcribe(
        str(path), language="en", beam_size=5, vad_filter=True, condition_on_previous_text=False, word_timestamps=True
    )
    told = []
    for segment in segments:
        words = [{"word": word.word, "start": float(word.start), "end": float(word.end)} for word in segment.words or ()]
        told.append({"start": segment.start, "end": segment.end, "text": segment.text.strip(), "words": words})
    return told, info.duration


def faster(segments: Sequence[dict[str, Any]], seconds: float, speed: float) -> Heard:
    def sped(part: dict[str, Any]) -> dict[str, Any]:
        return {**part, "start": part["start"] / speed, "end": part["end"] / speed}

    return [{**sped(segment), "words": list(map(sped, segment["words"]))} for segment in segments], seconds / speed


def joined(segments: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return all segments as one, as some models put them out."""
    text = " ".join(segment["text"] for segment in segments)
    words = [word for segment in segments for word in segment["words"]]
    return {"start": segments[0]["start"], "end": segments[-1]["end"], "text": text, "words": words}


def talking(heard: Heard) -> float:
    return sum(float(segment["end"] - segment["start"]) for segment in heard[0])


def shown(heard: Sequence[Heard]) -> list[cues.Cue]:
    return [cue for segments, seconds in heard for cue in cues.cues(segments, seconds)]


def timed(heard: Heard) -> Iterator[tuple[cues.Unplaced, cues.Cue]]:
    spoken = list(cues.spoken(heard[0], label=False))
    placed = cues.placed(spoken, round(heard[1] * 1000))
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(placed))
    return zip(spoken, placed, strict=True)


def bare(heard: Sequence[Heard]) -> list[cues.Cue]:
    """Return each segment as one cue, in lines as a player would break them."""
    told = []
    for segments, _ in heard:
        for segment in segments:
            lines = [""]
            for word in segment["text"].split():
                if width(f"{lines[-1]} {word}".strip()) > cues.LINE_CHARACTERS:
                    lines.append("")
                lines[-1] = f"{lines[-1]} {word}".strip()
            told.append(cues.Cue(round(segment["start"] * 1000), round(segment["end"] * 1000), tuple(lines)))
    return told


def share(told: Sequence[cues.Cue]) -> str:
    within = sum(cue.readable for cue in told)
    return f"{100 * within / len(told):.1f} % ({within} of {len(told)})"
