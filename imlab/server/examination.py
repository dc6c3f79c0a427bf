"""What a note that comes as a file has to be: the limits, and one judgement of what was found against what was claimed.

The precedents are of systems in use, as read in their sources and manuals; docs/validation.md has them in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from imlab.codec.container.formats import ALIASES, FORMATS
from imlab.codec.walking.walked import Walked
from imlab.server.doors import Claimed, Examined, Unacceptable


@dataclass(frozen=True, slots=True)
class Limits:
    """Lengths in seconds, size in bytes.

    shortest: Telegram Desktop's, which drops what is shorter as a slip of the finger. longest: Element's; Telegram
    Desktop stops after 100 minutes. size: 15 minutes of 16-bit stereo at 48 kHz are 173 MB; WhatsApp's business
    interface takes 16 MB, Synapse and Telegram's bots 50, Signal 100. slack: how far a claimed length may be off;
    Telegram and WhatsApp say it in whole seconds.
    """

    shortest: float = 0.2
    longest: float = 900.0
    size: int = 176 << 20
    channels: int = 2
    slack: float = 1.0


TYPES = {  # what a file is given out as
    "ogg": "audio/ogg; codecs=opus",  # RFC 7845, section 9
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "mp4": "audio/mp4",
    "webm": "audio/webm",
    "amr": "audio/amr",  # RFC 4867, as the next
    "awb": "audio/amr-wb",
    "lc3": "audio/x-lc3",  # nobody has registered one, nor for the next
    "c2": "audio/x-codec2",
}
NAMES = {  # what browsers and phones call them besides; a recorder's "video/webm" has one track of sound
    "ogg": {"audio/opus", "application/ogg", "video/ogg"},
    "wav": {"audio/x-wav", "audio/wave", "audio/vnd.wave"},
    "mp3": {"audio/mp3", "audio/x-mp3"},
    "mp4": {"audio/m4a", "audio/x-m4a", "audio/aac", "video/mp4"},
    "webm": {"video/webm", "audio/x-matroska", "video/x-matroska"},
}
UNSAID = {"", "application/octet-stream", "application/x-www-form-urlencoded"}  # the last is what curl says unasked
CODECS = {"mp4a": "aac", "1": "pcm"}  # what stands before the first dot of RFC 6381's names, and WAV's numbers
SAME = {"m4a": "mp4"}  # extensions of one container


def judged(walked: Walked, claimed: Claimed, limits: Limits) -> Examined:
    """What a file is, when that is within limits and what was claimed; else Unacceptable."""
    suffix = claimed.filename.rpartition(".")[2] if "." in claimed.filename else ""
    if why := _measured(walked, limits) or _named(walked.container, walked.codec, claimed.type, suffix, claimed.codec):
        raise Unacceptable("content", why)
    duration_ms = round(walked.seconds * 1000)
    said = claimed.duration_ms
    if said is not None and abs(said - duration_ms) > limits.slack * 1000:
        raise Unacceptable("content", f"it is said to last {said} ms and lasts {duration_ms}")
    return Examined(walked.codec, TYPES[walked.container], duration_ms)


def _measured(walked: Walked, limits: Limits) -> str:
    """What is wrong with its length or its channels."""
    if walked.seconds < limits.shortest:
        return f"{walked.seconds:.3f} s of sound: a voice note has {limits.shortest:g} at least"
    if walked.seconds > limits.longest:
        return f"{walked.seconds:.1f} s of sound: a voice note has {limits.longest:g} at most"
    if not 1 <= walked.channels <= limits.channels:
        return f"{walked.channels} channels: a voice note has 1 to {limits.channels}"
    return ""


@lru_cache(maxsize=128)  # uploaders say the same few things
def _named(container: str, codec: str, said_type: str, suffix: str, said_codec: str) -> str:
    """What is wrong with the type, the extension or the codec, where they were said."""
    named, _, parameters = said_type.lower().partition(";")
    if named.strip() not in UNSAID | NAMES.get(container, set()) | {TYPES[container].partition(";")[0]}:
        return f"it is said to be {named.strip()!r:.80} and is {TYPES[container]}"
    extension = ALIASES.get(suffix.lower(), suffix.lower())
    if extension in FORMATS and SAME.get(extension, extension) != container:
        return f"its name ends in .{suffix} and it is {TYPES[container]}"
    for said in filter(None, (said_codec.lower(), _codecs(parameters))):
        if CODECS.get(said.partition(".")[0], said) != codec:
            return f"its codec is said to be {said!r:.80} and is {codec}"
    return ""


def _codecs(parameters: str) -> str:
    """The codecs that a media type names (RFC 6381)."""
    pairs = (parameter.partition("=") for parameter in parameters.split(";"))
    said = (value.strip().strip('"') for name, _, value in pairs if name.strip() in ("codecs", "codec"))
    return next(said, "")
