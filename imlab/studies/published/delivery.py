"""Connections, order and places: C12 heartbeat, C13 acknowledgements, C14 broadcast, C15 the edge."""

from __future__ import annotations

from imlab.lab.claims.claim import Claim, Endpoint

KIT = "seeded histories under a hostile scheduler that reorders, doubles, drops, reconnects and crashes"

CLAIMS = (
    Claim(
        id="C12",
        statement="a heartbeat every 30 s, dead after 60 s, tolerates one lost packet",
        source="the published article's connection management",
        endpoints=(
            Endpoint("false deaths", "connections with one lost ping that are declared dead", "%", "same", 0.1,
                     study="q04_heartbeat"),
        ),
        doubt="What does it cost per connection, and for how long is a dead peer believed alive? TCP sends the lost "
        "packet again, so that a ping is late and not lost.",
        design="over link profiles in virtual time, corners with real sockets; cost and time to detection beside",
        controls="a peer that is really gone must be found; a wait of less than one ping must fail",
    ),
    Claim(
        id="C13",
        statement="acks=all with an idempotent producer is exactly once",
        source="the published article's settings of its log",
        endpoints=(
            Endpoint("faults", "acknowledged messages lost or doubled, in the log", "%", "same", 0.1),
            Endpoint("to the reader", "acknowledged messages lost or doubled, as the reader sees them", "%", "same",
                     0.1),
        ),
        doubt="Only with min.insync.replicas above one, and only up to the log: what is read from it is another.",
        design="a replicated log whose brokers are killed while it is written",
        controls="acks=1 and a producer without idempotence must be caught",
    ),
    Claim(
        id="C14",
        statement="one goroutine per connection and message is a broadcast",
        source="the published article's fan-out code",
        endpoints=(
            Endpoint("order", "histories in which a member sees two messages of a room in the wrong order", "%", "same",
                     0.1),
        ),
        doubt="Two messages can overtake each other, and two writers can share one socket.",
        design=f"the same code as a server, {KIT}, checked against the stated contract",
        controls="a server that keeps the contract must pass every history, and known bad ones must be caught",
    ),
    Claim(
        id="C15",
        statement="regional nodes, QUIC, Protobuf and prefetch take delivery from 380 to 97 ms",
        source="the published article's account of its edge",
        endpoints=(
            Endpoint("delivery", "median delivery between regions, all four against none", "%", "lower", 3.0,
                     said=-74.5),
            Endpoint("QUIC", "Shapley share of QUIC", "%", "lower", 3.0),
            Endpoint("Protobuf", "Shapley share of Protobuf", "%", "lower", 3.0),
            Endpoint("prefetch", "Shapley share of prefetch", "%", "lower", 3.0),
            Endpoint("regions", "Shapley share of regional nodes", "%", "lower", 3.0),
        ),
        doubt="Which of the four? Light in glass alone explains much of what a nearer node saves.",
        design="2^4 factorial over links with the delays of real regions, stated before",
        controls="the delays injected are measured; bytes on the wire and hits of the prefetch are counted",
    ),
)  # fmt: skip
