"""Signal's voice notes: AAC on phones and MP3 on desktops, from 32 to 160 kbit/s."""

from __future__ import annotations

from imlab.client.preset import Preset, Source
from imlab.codec.aac import Aac
from imlab.codec.mp3 import Mp3

ISSUE = "signalapp/Signal-Android issue 12475 (2022-09)"
CONTEXT_RATE = "the rate: AudioContext's, the machine's own; 48 kHz is usual"

SIGNAL = (
    Preset(
        "signal-android",
        "Signal",
        "Android",
        "2022-09",
        Aac(32_000, 44_100),
        "ADTS",
        (
            Source(
                "signalapp/Signal-Android app/src/main/java/org/thoughtcrime/securesms/audio/AudioCodec.java"
                " at 1c8634ae",
                "SAMPLE_RATE = 44100, CHANNELS = 1, BIT_RATE = 32000, AACObjectLC, createAdtsHeader",
            ),
            Source(ISSUE, "Android phone: AAC @ 36 kbps approx."),
            Source(
                "signalapp/Signal-Android libsignal-service/src/main/java/org/whispersystems/signalservice/internal/"
                "websocket/OkHttpWebSocketConnection.java at 1c418c30",
                "KEEPALIVE_FREQUENCY_SECONDS = 30",
            ),
        ),
        heartbeat_s=30.0,
        differs="the phone's own AAC encoder, not FFmpeg's",
    ),
    Preset(
        "signal-ios-2022",
        "Signal",
        "iOS",
        "2022-09",
        Aac(128_000, 44_100),
        "M4A",
        (
            Source("signalapp/Signal-iOS issue 5440 (2022-09)", "sends voice messages as AAC @ 128kbps"),
            Source("signalapp/Signal-Desktop issue 1496 (2017-09)", "iOS created an M4A Stereo file"),
        ),
        differs="stereo, and Apple's AAC encoder; ours is mono and FFmpeg's",
    ),
    Preset(
        "signal-ios",
        "Signal",
        "iOS",
        "since 2023",
        Aac(32_000, 44_100),
        "M4A",
        (
            Source(
                "signalapp/Signal-iOS Signal/ConversationView/VoiceMessage/VoiceMessageInProgressDraft.swift"
                " at 2e91c8d9",
                "kAudioFormatMPEG4AAC, AVSampleRateKey: 44100, one channel, AVEncoderBitRateKey: 32000",
            ),
        ),
        differs="Apple's AAC encoder, not FFmpeg's",
    ),
    Preset(
        "signal-desktop",
        "Signal",
        "desktop",
        "2022-09",
        Mp3(160_000, 48_000),
        "MP3",
        (
            Source(
                "signalapp/Signal-Desktop components/webaudiorecorder/lib/WebAudioRecorder.js at 4f46a164",
                "mp3 bitRate: 160 (CBR only), numChannels: 2",
            ),
            Source(
                "signalapp/Signal-Desktop ts/services/audioRecorder.ts at 04f5ffb5",
                "encoding: 'mp3', timeLimit: 60 + 3600, one minute more than our UI-imposed limit",
            ),
            Source(ISSUE, "Signal-Desktop for Linux: MP3 @ 160kbps"),
        ),
        longest_s=3_600,
        differs="stereo; ours is mono",
        unknown=CONTEXT_RATE,
    ),
)
