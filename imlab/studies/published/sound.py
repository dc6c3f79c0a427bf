"""Codecs, bits and weak networks: C7, C10, C11."""

from __future__ import annotations

from imlab.lab.claims.claim import Claim, Endpoint, exact

BITRATE = "q02_bitrate"
RATE_HZ, WIDTH_BITS, CHANNELS = 16_000, 16, 1  # the article's own format
CLIPS = "every clip of a corpus of real speech in every setting; the clip is the unit"
PANEL = "the original against itself as the ceiling, a 3.4 kHz low-pass and PCM at 8 kHz as anchors; several judges"
VISQOL_MARGIN = 0.1  # of its scale of 1 to 5: what q02's expectation, older than its data, calls no difference

CLAIMS = (
    Claim(
        id="C7",
        statement="Opus beats AMR and PCM for voice notes",
        source="the published article's comparison of codecs",
        endpoints=(
            Endpoint("AMR, wide band", "ViSQOL of Opus at 12 kbit/s less AMR-NB at 12.2, against a 16 kHz original",
                     "ViSQOL", "higher", VISQOL_MARGIN, study=BITRATE),
            Endpoint("AMR, narrow band", "ViSQOL of Opus at 12 kbit/s and 8 kHz less AMR-NB at 12.2, against an 8 kHz "
                     "original", "ViSQOL", "higher", VISQOL_MARGIN, study=BITRATE),
            Endpoint("PCM, bits", "bits of Opus at 12 kbit/s against PCM at 16 kHz", "%", "lower", 3.0, study=BITRATE),
            Endpoint("PCM, heard", "ViSQOL of Opus at 12 kbit/s less PCM at 8 kHz, ten times its bits, against a "
                     "16 kHz original", "ViSQOL", "higher", VISQOL_MARGIN, study=BITRATE),
        ),
        doubt="Narrow and wide band must not be put on one scale; bits are those of the packets, and not the nominal "
        "ones. AMR is AMR-NB here, as in the article; AMR-WB stands in the study's table.",
        design=CLIPS,
        controls=PANEL,
    ),
    Claim(
        id="C10",
        statement="PCM at 16 kHz and 16 bit, mono, is 640 kbit/s",
        source="the published article's comparison of codecs",
        endpoints=(
            Endpoint("arithmetic", "rate x width x channels", "kbit/s", "same", 19.2, said=640.0, study=BITRATE),
            Endpoint("measured", "bits of PCM at 16 kHz, per second of clip", "kbit/s", "same", 19.2, said=640.0,
                     study=BITRATE),
        ),
        doubt="16,000 x 16 x 1 bit/s is 256 kbit/s.",
        design=f"multiplication, and beside it: {CLIPS}",
        controls="none needed: the two must agree",
        own=(exact("arithmetic", RATE_HZ * WIDTH_BITS * CHANNELS / 1000),),
    ),
    Claim(
        id="C11",
        statement="12 kbit/s keep a weak network usable, complexity 3 is the balance, "
        "voice activity detection saves more",
        source="the published article's advice on adaptation",
        endpoints=(
            Endpoint("usable by ear", "ViSQOL of Opus at 12 kbit/s less PCM at 8 kHz, all that a telephone carries",
                     "ViSQOL", "higher", VISQOL_MARGIN, study=BITRATE),
            Endpoint("complexity 3, heard", "ViSQOL of Opus at 12 kbit/s, complexity 3 less 10", "ViSQOL", "same",
                     VISQOL_MARGIN, study=BITRATE),
            Endpoint("complexity 3, CPU", "encoder's CPU at 12 kbit/s, complexity 3 against 10", "%", "lower", 3.0,
                     study=BITRATE),
            Endpoint("usable by time", "p95 of stop-to-play on a weak uplink, 12 against 24 kbit/s", "%", "lower", 3.0,
                     study="q03_links"),
            Endpoint("voice activity", "bytes of notes with pauses, with detection against without", "%", "lower", 3.0,
                     study="q13_voice_activity"),
        ),
        doubt="At which loss, delay and rate, and at what quality? Complexity costs the sender, not the network.",
        design=f"{CLIPS}; the same notes over profiles of weak links",
        controls=PANEL,
    ),
)  # fmt: skip
