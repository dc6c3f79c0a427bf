"""The voice notes of Element, WhatsApp, Rocket.Chat, Discord and Tinode."""

from __future__ import annotations

from imlab.client.preset import Preset, Source
from imlab.codec.aac import Aac
from imlab.codec.mp3 import Mp3
from imlab.codec.opus import Opus

ELEMENT = "element-hq/element-web src/audio/VoiceRecording.ts at 0490b53a"
MOBILE = "RocketChat/Rocket.Chat.ReactNative app/containers/MessageComposer/components"
CONTEXT_RATE = "the rate: AudioContext's, the machine's own; 48 kHz is usual"

OTHERS = (
    Preset(
        "element-web",
        "Element",
        "web and desktop",
        "2024",
        Opus(24_000, 20, 3, 48_000, constrained=True),
        "Ogg, 40 packets a page",
        (
            Source(
                ELEMENT,
                "bitrate: 24000, encoderApplication: 2048, SAMPLE_RATE = 48000, encoderFrameSize: 20, "
                "encoderComplexity: 3, TARGET_MAX_LENGTH = 900",
            ),
            Source("chris-rudmin/opus-recorder src/encoderWorker.js at 544fb5c1", "maxFramesPerPage: 40; VBR not set"),
            Source("matrix-org/matrix-react-sdk src/audio/Playback.ts", "THUMBNAIL_WAVEFORM_SAMPLES = 100"),
            Source(
                "matrix-org/matrix-spec-proposals proposals/3246-audio-waveform.md at 1dd72c51",
                "between 0 and 256, at least 30 and not more than 120; previously 0-1024",
            ),
        ),
        waveform=100,
        longest_s=900,
    ),
    Preset(
        "element-web-music",
        "Element",
        "web and desktop, noise suppression off",
        "2024",
        Opus(96_000, 20, 3, 48_000, constrained=True, application="audio"),
        "Ogg, 40 packets a page",
        (
            Source(
                ELEMENT,
                "highQualityRecorderOptions: bitrate: 96000, encoderApplication: 2049, when noise suppression is off",
            ),
        ),
        waveform=100,
        longest_s=900,
    ),
    Preset(
        "whatsapp",
        "WhatsApp",
        "phones",
        "2024-07",
        Opus(18_000, 60, 9, 16_000),
        "Ogg",
        (
            Source("qaul/qaul.net issue 643 (2024-07)", "Whatsapp: 1min = 140 kB, .ogg, Opus, 16 kHz, Mono"),
            Source(
                "WhiskeySockets/Baileys pull request 2648 (2026-06)",
                "native voice notes: 3 x 20 ms SILK frames per packet, 16 kHz mono",
            ),
            Source("wppconnect-team/wa-js src/chat/functions/prepareAudioWaveform.ts at 16a17e50", "samples = 64"),
        ),
        waveform=64,
        differs="a packet of three 20 ms frames; libopus makes one SILK frame of 60 ms",
        unknown="the bitrate: closed source; 140 kB a minute are 18.7 kbit/s, 18 without Ogg; nor complexity, VBR",
    ),
    Preset(
        "rocketchat-web",
        "Rocket.Chat",
        "web and desktop",
        "commit 177c7641",
        Mp3(32_000, 48_000),
        "MP3",
        (
            Source(
                "RocketChat/Rocket.Chat apps/meteor/app/ui/client/lib/recorderjs/AudioEncoder.ts at 177c7641",
                "numChannels = 1, bitRate = 32, sampleRate: source.context.sampleRate",
            ),
            Source("RocketChat/Rocket.Chat apps/meteor/server/settings/message.ts", "Message_Audio_bitRate, 32"),
        ),
        differs="LAME in JavaScript",
        unknown=CONTEXT_RATE,
    ),
    Preset(
        "rocketchat-mobile",
        "Rocket.Chat",
        "React Native",
        "commit 01d38387",
        Aac(128_000, 44_100),
        "M4A",
        (
            Source(
                f"{MOBILE}/RecordAudio/RecordAudio.tsx at 01d38387", "useAudioRecorder(RecordingPresets.HIGH_QUALITY)"
            ),
            Source(
                "expo/expo packages/expo-audio/src/RecordingConstants.ts at 0c735f64",
                "HIGH_QUALITY: sampleRate: 44100, numberOfChannels: 2, bitRate: 128000, audioEncoder: 'aac'",
            ),
        ),
        differs="stereo, and the phone's own AAC encoder; ours is mono and FFmpeg's",
    ),
    Preset(
        "discord",
        "Discord",
        "phones",
        "2023-04",
        Opus(32_000, 20, 9, 48_000, constrained=True),
        "Ogg",
        (
            Source(
                "discord/discord-api-docs docs/resources/Message.md",
                "As of 2023-04-14, clients upload a 1 channel, 48000 Hz, 32kbps Opus stream in an OGG container; "
                "no more than 256 datapoints",
            ),
        ),
        waveform=256,
        unknown="frame, complexity and VBR: closed source, here as libopus has them, in the usual 20 ms",
    ),
    Preset(
        "tinode-android",
        "Tinode",
        "Android",
        "commit 00b076f9",
        Aac(24_000, 16_000),
        "M4A",
        (
            Source(
                "tinode/tindroid app/src/main/java/co/tinode/tindroid/MessagesFragment.java at 00b076f9",
                "MPEG_4, AAC, setAudioEncodingBitRate(24_000), setAudioSamplingRate(16_000), 10 minutes",
            ),
            Source("tinode/ios Tinodios/MediaRecorder.swift at 05087809", "AAC at 16000 Hz, kPreviewBars = 96"),
            Source("tinode/chat server/main.go (0.23)", "idleSessionTimeout = time.Second * 55"),
        ),
        waveform=96,
        longest_s=600,
        heartbeat_s=55.0,
        differs="the phone's own AAC encoder, not FFmpeg's; iOS asks for medium quality instead of a bitrate",
    ),
)
