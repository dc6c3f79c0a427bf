"""Rows of q14_upload in words and pictures."""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

from imlab.errors import InvalidRun
from imlab.lab.plots.figure import Plot, imprint
from imlab.lab.plots.levels import levels
from imlab.lab.record.reading import Run, by_block, trusted
from imlab.lab.statistics.intervals import Interval, mean_interval
from imlab.lab.statistics.ratio import ratio_interval
from imlab.studies.upload.cases import CASES, MANY, Fetches, Notes, Recording
from imlab.studies.upload.connections import AT_ONCE, Connections

US, MS = 1e6, 1e3
PUT, DECODED = "ours: PUT, structure, segments", "ours: PUT, decode, segments"
ARTICLE, ARTICLE_SYNCED = "Go: form, the article's", "Go: form, and fsync"
LONG, LONG_NGINX = "ours: long, tus", "nginx: long, PUT of pieces"
GET, GET_NGINX = "ours: GET", "nginx: GET"
KEPT_TLS, EACH_TLS = "kept connections, TLS 1.3", "a connection each, TLS 1.3"
PAIRS = (  # what is held against what
    (PUT, "floor: PUT"),
    (PUT, ARTICLE),
    (PUT, ARTICLE_SYNCED),
    (PUT, "Go: PUT"),
    (PUT, "nginx: PUT"),
    (PUT, "ours: PUT, structure, files"),
    ("ours: form, structure, segments", ARTICLE),
    (DECODED, PUT),
    ("ours: tus, structure, segments", PUT),
    (LONG, LONG_NGINX),
    ("ours: long, chunked form", "Go: long, chunked form and join"),
    (GET, GET_NGINX),
    (GET, "Go: GET"),
)


def costs(rows: pd.DataFrame) -> pd.DataFrame:
    """The sound rows, with what one request, one byte, cost the server; one row a case, block and number of lines."""
    sound = trusted(rows)
    if sound.empty:
        raise InvalidRun("no case ended well")
    requests, sent = sound["requests"], sound["bytes"].where(sound["bytes"] > 0)
    return sound.assign(
        cpu_s=sound["server_cpu_s"] / requests,
        client_s=sound["client_cpu_s"] / requests,
        cpu_s_per_gb=sound["server_cpu_s"] / sent * 1e9,
        rate=requests / sound["seconds"],
    )


def of(rows: pd.DataFrame, kind: type, value: str, connections: int) -> pd.DataFrame:
    """One number per block (row) and case of a kind of work (column), in the order of the cases."""
    some = costs(rows)
    names = [name for name, case in CASES.items() if isinstance(case, kind)]
    some = some[some["case"].isin(names) & (some["connections"] == connections)]
    found = by_block(some, value, "case")
    return found[[name for name in names if name in found.columns]]


def cpu(rows: pd.DataFrame) -> pd.DataFrame:
    """CPU of the server for each request of every case; of a long recording, for each GB. Seconds, block by block."""
    works = ((Notes, "cpu_s", MANY), (Recording, "cpu_s_per_gb", 1), (Fetches, "cpu_s", MANY))
    return pd.concat([of(rows, *work) for work in works], axis=1)


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Every case: CPU, rate, and how long one alone took; empty where too few were sent for a median."""
    alone = of(rows, Notes, "p50_s", 1)
    notes = [
        {
            "case": name,
            "CPU a request (us)": mean_interval(of(rows, kind, "cpu_s", MANY)[name]).text(US),
            "requests/s": mean_interval(of(rows, kind, "rate", MANY)[name]).text(),
            "p50 alone (ms)": _text(alone, name, MS),
        }
        for kind in (Notes, Fetches)
        for name in of(rows, kind, "cpu_s", MANY)
    ]
    return pd.DataFrame(notes).set_index("case")


def long(rows: pd.DataFrame) -> pd.DataFrame:
    """The long recordings: CPU and speed."""
    gb, rate = of(rows, Recording, "cpu_s_per_gb", 1), of(rows, Recording, "rate", 1)
    lines = {
        name: {"CPU (s/GB)": mean_interval(gb[name]).text(), "pieces of 1 MB/s": mean_interval(rate[name]).text()}
        for name in gb
    }
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("case")


def connections(rows: pd.DataFrame) -> pd.DataFrame:
    """Kept connections and new ones: CPU of both sides, and how long one fetch took when it was alone."""
    wanted = (("client_s", AT_ONCE), ("cpu_s", AT_ONCE), ("p50_s", 1))
    client, server, alone = (of(rows, Connections, value, lines) for value, lines in wanted)
    told = {
        name: {
            "client's CPU (us)": _text(client, name, US),
            "server's CPU (us)": _text(server, name, US),
            "p50 alone (ms)": _text(alone, name, MS),
        }
        for name in client
    }
    return pd.DataFrame.from_dict(told, orient="index").rename_axis("case")


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """CPU of one case over that of another, paired in the blocks."""
    found = cpu(rows)
    lines = [
        {"CPU of": one, "over": other, "ratio": ratio(found, one, other).text()}
        for one, other in PAIRS
        if {one, other} <= set(found.columns)
    ]
    return pd.DataFrame(lines)


def ratio(found: pd.DataFrame, one: str, other: str) -> Interval:
    """One case's CPU over another's, of the blocks that have both."""
    both = found[[one, other]].dropna()
    return ratio_interval(both[one], both[other])


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Long recordings; kept connections and new ones; ours over the others."""
    rows = run.rows()
    return {"long": long(rows), "connections": connections(rows), "ratios": ratios(rows)}


def figures(run: Run) -> dict[str, Plot]:
    """CPU of notes, of long recordings and of downloads; how long a note takes when it is alone."""
    rows, stamp = run.rows(), imprint(run)
    drawn = {
        "cpu": (of(rows, Notes, "cpu_s", MANY), "What taking a note of 20 kB costs a server",
                f"CPU for each note, {MANY} at once (us)", US, "us"),
        "alone": (of(rows, Notes, "p50_s", 1), "How long a note of 20 kB takes when it is alone",
                  "median time from request to answer (ms)", MS, "ms"),
        "long": (of(rows, Recording, "cpu_s_per_gb", 1), "What a long recording in pieces of 1 MB costs a server",
                 "CPU (s/GB)", 1.0, "s/GB"),
        "fetch": (of(rows, Fetches, "cpu_s", MANY), "What giving a note of 20 kB costs a server",
                  f"CPU for each note, {MANY} at once (us)", US, "us"),
        "connections": (of(rows, Connections, "client_s", AT_ONCE), "What a connection for each request costs a client",
                        "client's CPU for each fetch of 20 kB (us)", US, "us"),
    }  # fmt: skip
    return {
        name: levels({str(case): some[case].tolist() for case in some}, title, axis, scale, unit, imprint=stamp)
        for name, (some, title, axis, scale, unit) in drawn.items()
        if not some.empty
    }


def conclusion(run: Run) -> str:
    """The answer in one sentence, computed."""
    rows = run.rows()
    found = cpu(rows)
    told = [
        f"A note of 20 kB, its structure checked and itself durable, costs the server {_us(found, PUT)} of CPU, "
        f"with {_us(found, 'floor: PUT')} of it for HTTP alone"
    ]
    if ARTICLE in found:
        told.append(
            f"{_times(found, PUT, ARTICLE)} the article's Go handler, which checks and syncs nothing"
            + (f", and {_times(found, PUT, ARTICLE_SYNCED)} the same with fsync" if ARTICLE_SYNCED in found else "")
        )
    told.append(f"decoding it as well makes that {_times(found, DECODED, PUT)}")
    if LONG_NGINX in found:
        told.append(f"a long recording in pieces costs {_times(found, LONG, LONG_NGINX)} nginx's CPU")
    if GET_NGINX in found:
        told.append(f"a download out of memory {_times(found, GET, GET_NGINX)}")
    clients = of(rows, Connections, "client_s", AT_ONCE)
    if {KEPT_TLS, EACH_TLS} <= set(clients.columns):
        dearer = _times(clients, EACH_TLS, KEPT_TLS)
        told.append(f"with TLS a connection for each request costs a client {dearer} a kept one")
    return "; ".join(told) + "."


def _text(found: pd.DataFrame, case: Hashable, scale: float) -> str:
    """Empty where no block has a number."""
    return mean_interval(found[case]).text(scale) if case in found else ""


def _us(found: pd.DataFrame, case: str) -> str:
    return mean_interval(found[case].dropna()).text(US, "us")


def _times(found: pd.DataFrame, one: str, other: str) -> str:
    return f"{ratio(found, one, other).text()} times"
