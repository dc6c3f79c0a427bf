"""Telegram's voice notes, by client and year: one format, Ogg Opus, at five bitrates from 16 to 153 kbit/s."""

from __future__ import annotations

from imlab.client.preset import Preset, Source
from imlab.codec.opus import Opus

ANDROID = "DrKLO/Telegram TMessagesProj"
DESKTOP = "telegramdesktop/tdesktop"
CAPTURE = f"{DESKTOP} Telegram/SourceFiles/media/audio/media_audio_capture.cpp"
TGX = "TGX-Android/Telegram-X"
LIBAV_OPUS = "FLTP samples are what FFmpeg's own Opus encoder takes, libopus takes none; we code by libopus"
LIBAV_UNSET = "complexity, frame and VBR: not set; constrained VBR gives the 0.5 MB per minute that was measured"

TELEGRAM = (
    Preset(
        "telegram-android-2019",
        "Telegram",
        "Android",
        "2019-10",
        Opus(16_000, 60, 9, 16_000, constrained=True, application="audio"),
        "Ogg, a page for each packet",
        (
            Source(
                f"{ANDROID}/jni/audio.c at 052efa37",
                "bitrate = 16000, rate = 16000, frame_size = 960 (60 ms), OPUS_APPLICATION_AUDIO, max_ogg_delay = 0, "
                "resultSamples = 100 of 5 bits",
            ),
            Source(f"{DESKTOP} issue 6708 (2019-10)", "Android: 16 kbps, 16 k samplerate"),
        ),
        waveform=100,
    ),
    Preset(
        "telegram-android",
        "Telegram",
        "Android",
        "2024-08",
        Opus(153_200, 20, 9, 48_000, vbr=False),
        "Ogg, a page for each packet",
        (
            Source(
                f"{ANDROID}/jni/audio.c at 4d7a3a40",
                "bitrate = OPUS_BITRATE_MAX, OPUS_APPLICATION_VOIP, frame_size = 960, opus_encode(..., "
                "max_frame_bytes / 10): 383 bytes each 20 ms; resultSamples = 100 of 5 bits",
            ),
            Source(f"{TGX} issue 733 (2024-08)", "as in the regular Android client: approximately 163 kbps CBR"),
            Source(
                f"{ANDROID}/src/main/java/org/telegram/messenger/FileUploadOperation.java at 03a6abca",
                "minUploadChunkSize = 128, minUploadChunkSlowNetworkSize = 32 (KiB)",
            ),
        ),
        waveform=100,
        part_bytes=131_072,
    ),
    Preset(
        "telegram-x",
        "Telegram",
        "Telegram X",
        "2021-12",
        Opus(32_000, 20, 9, 48_000, constrained=True),
        "Ogg, a page for each packet",
        (
            Source(f"{TGX} app/jni/voice.c at 06805707", "bitrate = 32000, rate = 48000, frame_size = 960, VOIP"),
            Source(f"{TGX} pull request 106 (2021-12)", "from 16k to 32k; issue 733 (2024-08): later 163 kbps"),
        ),
        waveform=100,
    ),
    Preset(
        "telegram-ios",
        "Telegram",
        "iOS",
        "2023-01",
        Opus(30_720, 20, 9, 48_000, constrained=True, application="audio"),
        "Ogg, a page a second",
        (
            Source(
                "TelegramMessenger/Telegram-iOS submodules/OpusBinding/Sources/opusenc/opusenc.m at 3de4d910",
                "bitrate = 30 * 1024, rate = 48000, frame_size = 960, max_ogg_delay = 48000, OPUS_APPLICATION_AUDIO",
            ),
            Source("TelegramMessenger/Telegram-iOS issue 981 (2023-01)", "encodes voice messages at 30 kbit/s"),
            Source(
                "TelegramMessenger/Telegram-iOS submodules/TelegramUI/Sources/ManagedAudioRecorder.swift at 1141e09c",
                "scaledSamples of 100, AudioWaveform(bitstream, bitsPerSample: 5)",
            ),
        ),
        waveform=100,
    ),
    Preset(
        "telegram-desktop-2019",
        "Telegram",
        "desktop",
        "2019-10",
        Opus(64_000, 20, 10, 48_000, constrained=True, application="audio"),
        "Ogg",
        (
            Source(
                f"{CAPTURE} at 547251f6",
                "muxer opus, bit_rate = 64000, channels = 1, AV_SAMPLE_FMT_FLTP",
            ),
            Source(f"{DESKTOP} issue 6708 (2019-10)", "~ 0.5 MB per minute, 64 kbps"),
        ),
        differs=LIBAV_OPUS,
        unknown=LIBAV_UNSET,
    ),
    Preset(
        "telegram-desktop",
        "Telegram",
        "desktop",
        "commit 006cadcc",
        Opus(32_000, 20, 10, 48_000, constrained=True, application="audio"),
        "Ogg",
        (
            Source(
                f"{CAPTURE} at 006cadcc",
                "bit_rate = 32000 (a commit of the fork network: its header names a fork)",
            ),
            Source(
                f"{DESKTOP} Telegram/SourceFiles/storage/file_upload.cpp",
                "kDocumentUploadPartSize0 = 32 * 1024: 32kb for tiny document ( < 1mb )",
            ),
            Source(
                f"{DESKTOP} Telegram/SourceFiles/media/audio/media_audio.h at dc92fae1", "kWaveformSamplesCount = 100"
            ),
            Source(
                f"{DESKTOP} Telegram/SourceFiles/mtproto/session_private.cpp at 5749a46a",
                "kPingSendAfter = 30 * crl::time(1000), kPingDelayDisconnect = 60",
            ),
        ),
        waveform=100,
        part_bytes=32_768,
        heartbeat_s=30.0,
        differs=LIBAV_OPUS,
        unknown=LIBAV_UNSET,
    ),
)
