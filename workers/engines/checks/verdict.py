"""Judge what was found in a recording of speech, in words: what is wrong, how much it matters, what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

GOOD, FAIR, POOR, UNUSABLE = VERDICTS = ("good", "fair", "poor", "unusable")
NOTE = "note"  #: worth knowing, and no fault

TARGET_LUFS = -20.0  #: where speech is easy to hear; a few LU more or less do not matter
VERY_QUIET_LUFS, QUIET_LUFS, LOUD_LUFS = -35.0, -28.0, -10.0
AS_GOOD_AS_SILENT_LUFS = -50.0
CLIPPED_POOR_SHARE = 0.02  #: of its seconds
NOISY_DB, HISSY_DB = 10.0, 20.0
MOSTLY_SILENT, LONG_SILENCE_S = 0.6, 120.0
DEAD_CHANNEL_DB, UNEVEN_CHANNELS_DB = 30.0, 9.0
OUT_OF_PHASE, SAME = -0.5, 0.995
TELEPHONE_HZ, LOWEST_RATE = 4500, 16_000
WIDE_RANGE_LU = 20.0
DC_OFFSET = 0.02
SHORT_S = 1.0
DAMAGED_POOR_S, DAMAGED_POOR_SHARE = 5.0, 0.01


class Remark(NamedTuple):
    about: str  #: damage, clipping, loudness, noise, silence, channels, bandwidth, length
    weight: str  #: note, fair, poor or unusable
    text: str

    def told(self) -> dict[str, str]:
        return self._asdict()


def judge(found: dict[str, Any]) -> tuple[str, list[Remark]]:
    """Return the verdict on what `check` found, and the remarks that lead to it, the gravest first."""
    remarks = [remark for look in LOOKS for remark in look(found)]
    order = (UNUSABLE, POOR, FAIR, NOTE)
    remarks.sort(key=lambda remark: order.index(remark.weight))
    verdict = next((remark.weight for remark in remarks if remark.weight != NOTE), GOOD)
    return verdict, remarks


def checked(found: dict[str, Any]) -> dict[str, Any]:
    """Return what the piece of a recording ends with: `{state, verdict, remarks, found}`."""
    verdict, remarks = judge(found)
    return {"state": "checked", "verdict": verdict, "remarks": [remark.told() for remark in remarks], "found": found}


def refused(sentence: str) -> dict[str, Any]:
    """The same of what could not be listened to."""
    remark = Remark("damage", UNUSABLE, f"{sentence}; send the original file again")
    return {"state": "checked", "verdict": UNUSABLE, "remarks": [remark.told()], "found": None}


def failed(why: str) -> dict[str, Any]:
    """The same where the check itself has failed, for whatever reason."""
    remark = Remark("check", UNUSABLE, f"it could not be checked: {why}; check it again alone, or in another format")
    return {"state": "failed", "verdict": UNUSABLE, "remarks": [remark.told()], "found": None}


def ended(items: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return what the piece of a recording ends with, None while it is not checked."""
    return items[-1] if items and items[-1].get("state") in ("checked", "failed") else None


def damage(found: dict[str, Any]) -> Iterator[Remark]:
    seconds, declared_s = found["seconds"], found["declared_s"]
    if found["breaks_off"]:
        of = f", although it says that it is {clock(declared_s)} long" if declared_s - seconds >= 1 else ""
        yield Remark("damage", POOR, f"breaks off at {clock(seconds)}{of}: the file is cut off or damaged; send the original file again")
    # What breaks off is damaged there: that is said already.
    places = [place for place in found["damage"] if not (found["breaks_off"] and place[0] > seconds - 1)]
    if places:
        lost_s = found["missing_s"]
        grave = lost_s > max(DAMAGED_POOR_S, DAMAGED_POOR_SHARE * seconds) or len(places) > 20
        lost = f", {lost_s:.0f} s of sound are missing" if lost_s >= 1 else ""
        where = (
            f"damaged at {clock(places[0][0])}" if len(places) == 1 else f"damaged in {len(places)} places, first at {clock(places[0][0])}"
        )
        yield Remark("damage", POOR if grave else FAIR, f"{where}{lost}; copy the file from the recorder again")
    if not found["breaks_off"] and seconds < SHORT_S:
        yield Remark("length", FAIR, f"only {seconds:.1f} s long; check that the recorder was not stopped at once")


def loudness(found: dict[str, Any]) -> Iterator[Remark]:
    level = found["loudness_lufs"]
    if level is None or level < AS_GOOD_AS_SILENT_LUFS:
        what = "silent" if level is None else f"as good as silent: {lufs(level)}"
        yield Remark("loudness", UNUSABLE, f"{what}; check that the microphone was switched on, connected and chosen as the input")
        return
    off = round(abs(TARGET_LUFS - level))
    if level < VERY_QUIET_LUFS:
        yield Remark("loudness", POOR, f"very quiet: {lufs(level)}; record closer to the microphone, or raise its level by about {off} dB")
    elif level < QUIET_LUFS:
        yield Remark("loudness", FAIR, f"quiet: {lufs(level)}; raise the level of the microphone by about {off} dB")
    elif level > LOUD_LUFS:
        yield Remark("loudness", FAIR, f"very loud: {lufs(level)}; lower the level of the microphone by about {off} dB")
    spread = found["loudness_range_lu"]
    if level >= VERY_QUIET_LUFS and spread is not None and spread > WIDE_RANGE_LU:
        yield Remark("loudness", NOTE, f"uneven: {spread:.0f} LU between quiet and loud; keep the same distance from the microphone")


def clipping(found: dict[str, Any]) -> Iterator[Remark]:
    clipped_s, seconds = found["clipped_seconds"], max(found["seconds"], 1.0)
    if clipped_s:
        grave = clipped_s / seconds >= CLIPPED_POOR_SHARE
        amount = f"{clipped_s} s of {seconds:.0f} s" if grave else f"{clipped_s} s"
        advice = "lower the level of the microphone, it cannot be mended later"
        yield Remark("clipping", POOR if grave else FAIR, f"clipped: distorted in {amount}; {advice}")
    elif (found["true_peak_dbtp"] or -99.0) > 0.5:
        yield Remark("clipping", NOTE, f"peaks of {found['true_peak_dbtp']:+.1f} dBTP lie above full scale and may distort in a player")
    if found["dc_offset"] > DC_OFFSET:
        off = 100 * found["dc_offset"]
        yield Remark("clipping", NOTE, f"the wave is off its centre by {off:.0f} % of full scale; check the sound card")


def noise(found: dict[str, Any]) -> Iterator[Remark]:
    ratio, floor = found["signal_to_noise_db"], found["noise_floor_dbfs"]
    if audible(found) and ratio is not None and ratio < HISSY_DB:
        grave = ratio < NOISY_DB
        much = "very noisy" if grave else "noisy"
        advice = "record closer to the microphone, switch off fans and close windows"
        yield Remark("noise", POOR if grave else FAIR, f"{much}: speech is {ratio:.0f} dB above the noise at {floor:.0f} dBFS; {advice}")


def silence(found: dict[str, Any]) -> Iterator[Remark]:
    if not audible(found):
        return
    share, longest = found["silent_share"], found["longest_silence_s"]
    if longest > LONG_SILENCE_S:
        at = max(found["silences"], key=lambda stretch: stretch[1] - stretch[0], default=[0.0])[0]
        yield Remark("silence", FAIR, f"silent for {clock(longest)} from {clock(at)} on; check that nothing is missing there")
    elif share > MOSTLY_SILENT:
        yield Remark("silence", FAIR, f"{100 * share:.0f} % of it is silent; cut it, or check that the microphone stayed on")


def channels(found: dict[str, Any]) -> Iterator[Remark]:
    levels = [-120.0 if level is None else level for level in found["channel_levels_dbfs"]]
    if len(levels) < 2 or not audible(found):
        return
    apart = levels[0] - levels[1]
    weaker, stronger = ("right", "left") if apart > 0 else ("left", "right")
    if abs(apart) > DEAD_CHANNEL_DB:
        yield Remark("channels", FAIR, f"the {weaker} channel is silent; check its cable, or keep the {stronger} one alone as mono")
        return
    if found["correlation"] is not None and found["correlation"] < OUT_OF_PHASE:
        cancel = "they cancel each other in mono, which is what is transcribed"
        yield Remark("channels", POOR, f"the channels are out of phase: {cancel}; turn the polarity of one over, or keep one alone")
    elif abs(apart) > UNEVEN_CHANNELS_DB:
        yield Remark("channels", NOTE, f"the {weaker} channel is {abs(apart):.0f} dB weaker than the {stronger} one")
    elif found["correlation"] is not None and found["correlation"] > SAME and abs(apart) < 0.5:
        yield Remark("channels", NOTE, "both channels are the same; mono would do, in half the bytes")


def bandwidth(found: dict[str, Any]) -> Iterator[Remark]:
    rate, width = found["sample_rate"], found["bandwidth_hz"]
    if rate < LOWEST_RATE:
        yield Remark("bandwidth", FAIR, f"sampled {rate / 1000:g} thousand times a second; record with at least 16 kHz")
    elif audible(found) and width is not None and width < TELEPHONE_HZ:
        sounds = f"sounds like a telephone: nothing above {width / 1000:.1f} kHz"
        yield Remark("bandwidth", FAIR, f"{sounds}; record with a microphone of its own rather than over a call or a headset's radio link")


LOOKS = (damage, loudness, clipping, noise, silence, channels, bandwidth)


def audible(found: dict[str, Any]) -> bool:
    return found["loudness_lufs"] is not None and found["loudness_lufs"] >= AS_GOOD_AS_SILENT_LUFS


def lufs(value: float) -> str:
    """`−38.1 LUFS`, with a real minus sign."""
    return f"{value:.1f} LUFS".replace("-", "\N{MINUS SIGN}")


def clock(seconds: float) -> str:
    """`1:23` or `1:02:03`."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
