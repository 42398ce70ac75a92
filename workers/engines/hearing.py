"""Listen to a recording once more, chunk by chunk: what the engines that need the sound itself have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jobs.errors import NotFound, Unplayable
from workers.engines.chunks import Chunk, listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workers.context import Context

#: `merge` deletes the chunks, so that a step asked for once more after it finds none.
GONE = "the sound of the recording is gone: it was deleted when the transcript was made; submit the recording again to have this step"


def chunks(context: Context, inputs: Mapping[str, Any], doing: str, share: float = 1.0) -> Iterator[tuple[Chunk, NDArray[np.float32]]]:
    """Yield each chunk and its samples, one at a time, and say how far that is: `share` of the whole at the end.

    Raises Unplayable when the chunks are no longer there.
    """
    from workers.engines.transcribe import read_sound

    every = listed(inputs["prepare"]["chunks"])
    total_s = sum(chunk.seconds for chunk in every) or 1.0
    for chunk in every:
        context.progress(share * chunk.offset_s / total_s, f"{doing}, {chunk.offset_s / 60:.0f} of {total_s / 60:.0f} minutes")
        context.checkpoint()
        try:
            sound = read_sound(context.storage, chunk.key)
        except NotFound:
            raise Unplayable(GONE) from None
        yield chunk, sound
