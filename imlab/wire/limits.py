"""The most that one message may say: a limit on every length and number, each with its reason.

These bound what a peer can make us keep. A server's own, smaller limits are policy and travel in Welcome.
"""

ID = 32  # hex digits: 128 bits, so that two senders never choose the same
NAME = 128  # characters of a name or a room: a UUID, a mail address or a full name fits
CODEC = 32  # characters
CODECS = 64  # names in a Welcome: three times as many as there are here
KEY = 256  # characters: far more randomness than anyone can guess
TOKEN = 8_192  # characters: what web servers take as one header line (nginx: 8k)
WHY = 1_024  # characters of a refusal: a sentence, not a traceback

FILE = 1 << 30  # bytes of an uploaded file: an hour of stereo PCM at 48 kHz is 691 MB; servers allow less, by policy
TYPE = 64  # characters of a media type: audio/ogg; codecs=opus

WAVEFORM = 256  # points: Discord's limit; Telegram draws 100, Element 30-120, WhatsApp 64
DURATION_MS = 3_600_000  # an hour; Element stops at 15 minutes
AUDIO = 16 << 20  # bytes: an hour of Opus at 32 kbit/s is 14.4 MB; eight minutes of PCM at 16 kHz
PACKETS = 180_000  # an hour of 20 ms packets
RATE = 192_000  # Hz: the fastest converter anyone sells
PACKET_SAMPLES = 192_000  # a second at that rate; Opus ends at 5,760
UNKNOWN = 65_536  # bytes of fields that only a newer version understands

MESSAGE = AUDIO + (1 << 20)  # bytes of one whole message: the audio, and 180,000 packet sizes of 3 bytes each beside it
INTEGER = (1 << 53) - 1  # the last whole number that a JavaScript client can count to
