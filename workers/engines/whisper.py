"""Load a Whisper model once per process, and say which setting to change when it cannot be."""

from __future__ import annotations

import ctypes
import os
import re
from typing import TYPE_CHECKING

import ctranslate2
from faster_whisper import WhisperModel
from faster_whisper.utils import available_models, download_model
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

from jobs.errors import Misconfigured

if TYPE_CHECKING:
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


class NotLoaded(Exception):
    """The model could not be loaded this time; it may be another time. Says what stood in the way."""


#: The model that is loaded, by what it was loaded with: one at most.
_loaded: dict[tuple[str, str, str, int], WhisperModel] = {}
#: The folder it was loaded from.
_folders: dict[tuple[str, str, str, int], str] = {}


def load(name: str, settings: Settings) -> WhisperModel:
    """Return the model called `name`; loaded when it is first asked for, dropped when another one is.

    Raises Misconfigured for what a setting has to mend, and NotLoaded for what may pass: no network, no memory left.
    """
    threads = settings.whisper_threads or min(MOST_THREADS, os.cpu_count() or 1)
    wanted = (name, settings.whisper_device, settings.whisper_compute_type, threads)
    if wanted not in _loaded:
        _loaded.clear()  # first: there may not be memory for two
        folder = _folders[wanted] = found(name)
        give_memory_back()
        try:
            _loaded[wanted] = WhisperModel(
                folder, device=settings.whisper_device, compute_type=settings.whisper_compute_type, cpu_threads=threads
            )
        except (ValueError, RuntimeError) as error:
            final = isinstance(error, ValueError) or any(sign in str(error).lower() for sign in MISCONFIGURED)
            raise (Misconfigured if final else NotLoaded)(why_not_loaded(name, settings, error)) from error
    return _loaded[wanted]


def reseed(model: WhisperModel, seed: int) -> None:
    """Have `model`, one that `load` returned, draw the lots of `seed` from now on. Raises NotLoaded.

    CTranslate2 takes a seed for each of its threads when the thread draws for the first time, and never again. So it is loaded anew,
    on new threads: seconds for a large model, far less than a window takes it.
    """
    (wanted,) = (key for key, loaded in _loaded.items() if loaded is model)
    _, device, compute_type, threads = wanted
    ctranslate2.set_random_seed(seed)
    model.model = None  # first: there may not be memory for two
    try:
        model.model = ctranslate2.models.Whisper(_folders[wanted], device=device, compute_type=compute_type, intra_threads=threads)
    except (ValueError, RuntimeError) as error:
        _loaded.clear()
        raise NotLoaded(f"the speech model cannot be loaded again: {cause(error)}") from error


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
