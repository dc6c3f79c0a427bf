"""The page of presets, docs/presets.md, from their values: `python -m imlab.client.preset_table > docs/presets.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from imlab.client.preset import Preset
from imlab.client.presets import PRESETS

HEAD = """\
# What messengers ship

Each row runs here, by `./lab send FILE --room R --preset NAME`, and the bitrate study places it on its figure. The
values are in [imlab/client/shipped](../imlab/client/shipped); `python -m imlab.client.preset_table` makes this page.
Facts were read in the apps' own sources, at the commit that is named, or in an issue, a manual or a measurement by
others where the source is closed; "not found" means that none of these says it. Apps change: "as of" says when it was.

| preset | app | as of | codec here | file | thumbnail, points | upload part | longest | heartbeat |
|---|---|---|---|---|---|---|---|---|
"""
NOTES = """
Settings that an app leaves alone are libopus's own: complexity 9 and constrained VBR. Telegram for Android asks for
`OPUS_BITRATE_MAX` and offers libopus 383 bytes for each 20 ms: 153 kbit/s, and 164 with a page around each packet.

## Sources
"""


def page() -> str:
    """The whole page, Markdown."""
    rows = "".join(f"| {' | '.join(_row(each))} |\n" for each in PRESETS)
    return HEAD + rows + NOTES + "".join("\n".join(_facts(each)) + "\n" for each in PRESETS)


def _row(preset: Preset) -> Iterator[str]:
    yield f"`{preset.name}`"
    yield f"{preset.app}, {preset.client}"
    yield preset.as_of
    yield f"`{preset.codec!r}`"
    yield preset.container
    yield _found(preset.waveform, "")
    yield _found(preset.part_bytes and preset.part_bytes // 1024, " KiB")
    yield _found(preset.longest_s and preset.longest_s // 60, " min")
    yield _found(preset.heartbeat_s, " s")


def _found(value: float | None, unit: str) -> str:
    return "not found" if value is None else f"{value:g}{unit}"


def _facts(preset: Preset) -> Iterator[str]:
    """A paragraph a preset: where each fact stands, and what is not as in the app."""
    yield f"\n**{preset.name}**\n"
    yield from (f"- {source.where}: {source.says}" for source in preset.sources)
    if preset.differs:
        yield f"- *differs:* {preset.differs}"
    if preset.unknown:
        yield f"- *not found:* {preset.unknown}"


if __name__ == "__main__":
    sys.stdout.write(page())
