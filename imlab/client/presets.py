"""What messengers ship: their voice notes' settings as codecs that run here, by name.

libopus's own defaults, for settings that an app leaves alone, are complexity 9 and constrained VBR (libopus 1.6 says so
to OPUS_GET_COMPLEXITY and OPUS_GET_VBR_CONSTRAINT). docs/presets.md is the table of these values.
"""

from __future__ import annotations

from imlab.client.preset import Preset
from imlab.client.shipped.others import OTHERS
from imlab.client.shipped.signal import SIGNAL
from imlab.client.shipped.telegram import TELEGRAM
from imlab.errors import UsageError

PRESETS: tuple[Preset, ...] = (*TELEGRAM, *SIGNAL, *OTHERS)


def preset(name: str) -> Preset:
    """The preset of that name; UsageError naming those that are."""
    found = [each for each in PRESETS if each.name == name]
    if not found:
        raise UsageError(f"no preset is called {name!r}; there are {', '.join(each.name for each in PRESETS)}")
    return found[0]
