"""The work of ./lab join."""

from __future__ import annotations

import json
from argparse import Namespace

from imlab.codec.slice_files import join_slices, slices_in


def run(options: Namespace) -> int:
    """Join, and say what was joined."""
    paths = slices_in(options.slices)
    label, what = join_slices(paths, options.out, overwrite=options.overwrite)
    size = options.out.stat().st_size
    if not options.json:
        print(f"{options.out}: {label.count} slices, {label.total / label.rate:.1f} s, {what}, {size:,} bytes")
        return 0
    told = {
        "file": str(options.out),
        "slices": label.count,
        "seconds": round(label.total / label.rate, 6),
        "samples": label.total,
        "rate": label.rate,
        "source": label.source,
        "what": what,
        "bytes": size,
    }
    print(json.dumps(told))
    return 0
