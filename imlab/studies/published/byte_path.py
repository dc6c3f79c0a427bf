"""What is done with bytes: C5 pools, C6 copies, C8 chunks, C9 formats."""

from __future__ import annotations

from imlab.lab.claims.claim import Claim, Endpoint

POOLS, COPIES, CHUNKS, RESUME, FORMATS = "q08_pools", "q07_copies", "q10_chunks", "q11_resume", "q09_formats"
BLOCKS = "randomised blocks, each way in fresh processes, the same bytes"

CLAIMS = (
    Claim(
        id="C5",
        statement="pools of objects relieve the garbage collector",
        source="the published article's advice on memory",
        endpoints=(
            Endpoint("pauses", "time in collections, pool against allocation", "%", "lower", 3.0, study=POOLS),
            Endpoint("tail", "p99.9 of a loop at a fixed rate, pool against allocation", "%", "lower", 3.0,
                     study=POOLS),
        ),
        doubt="The article's language collects by tracing, CPython counts references: expect nothing here, or a loss.",
        design=f"buffers, packets, codec states, connections; 300 bytes to 1 MB; collector on, off, frozen; {BLOCKS}",
        controls="A/A; a collection that is forced must be found; allocations counted",
    ),
    Claim(
        id="C6",
        statement="copies: 4 by read and write, 2 by mmap, 1 by splice or sendfile, and less CPU",
        source="the published article's table of copies",
        endpoints=(
            Endpoint("CPU of sendfile", "CPU per byte served, sendfile against read and write, a 20 kB note", "%",
                     "lower", 3.0, study=COPIES),
            Endpoint("CPU of mmap", "CPU per byte served, mmap against read and write, a 20 kB note", "%", "lower", 3.0,
                     study=COPIES),
            Endpoint("crossings", "bytes that cross the user's boundary, sendfile against read and write", "%", "lower",
                     3.0, said=-100.0, study=COPIES),
        ),
        doubt="A note of 20 kB is small; TLS forces a copy; some event loops lack sendfile and fall back in silence. "
        "Copies inside the kernel cannot be counted here: they are cited, and not measured. The article's mmap of a "
        "recording device has no counterpart: no driver offers it to a portable program.",
        design=f"4 kB to 100 MB, plain and TLS, warm and cold; {BLOCKS}",
        controls="system calls counted in each cell: without sendfile's, no cell of sendfile",
    ),
    Claim(
        id="C8",
        statement="chunks of 5 MB, and resuming, help",
        source="the published article's upload protocol",
        endpoints=(
            Endpoint("chunks", "time to complete a 60 s note, chunks of 5 MB against whole", "%", "lower", 3.0,
                     study=CHUNKS),
            Endpoint("resuming", "bytes sent again for a 60 s note under outages, resuming against starting anew", "%",
                     "lower", 3.0, study=RESUME),
        ),
        doubt="60 s of Opus at 16 kbit/s are 120 kB: a voice note never splits at 5 MB, which is 40 minutes.",
        design="notes of 5 s to 15 min over link profiles: virtual time, corners over a real TCP",
        controls="the prediction's error at the corners; bytes counted on the wire",
    ),
    Claim(
        id="C9",
        statement="Protobuf is 0.3 times and FlatBuffers 0.35 times the size of JSON",
        source="the published article's comparison of formats",
        endpoints=(
            Endpoint("Protobuf", "size of a message with 20 kB of audio, Protobuf against JSON", "%", "lower", 3.0,
                     said=-70.0, study=FORMATS),
            Endpoint("FlatBuffers", "size of a message with 20 kB of audio, FlatBuffers against JSON", "%", "lower",
                     3.0, said=-65.0, study=FORMATS),
        ),
        doubt="With audio inside, base64 decides: it makes JSON 4/3 of the audio, and the ratio tends to 0.75.",
        design="audio of 0, 2, 20 and 200 kB; the curve over the size is the answer, 20 kB is a voice note",
        controls="every message decodes to itself; the audio's share of the bytes is told",
    ),
)  # fmt: skip
