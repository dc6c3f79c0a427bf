"""The networks that studies speak of, with where their numbers come from.

"4G" and "3G" are WebPageTest's connection profiles of those names (agent/wptagent, "connectivity profiles"), which
web engineers use as standard bad networks; jitter is ours. A profile is a stage set, not a measurement of a city.
"""

from __future__ import annotations

from imlab.net.links import Link, Path

MBIT = 125_000.0  # bytes per second

OFFICE = Path("office", Link(0.005, 0.002, 100 * MBIT), Link(0.005, 0.002, 100 * MBIT))
FOUR_G = Path("4G", Link(0.085, 0.010, 9 * MBIT), Link(0.085, 0.010, 9 * MBIT))
THREE_G = Path("3G", Link(0.150, 0.020, 0.768 * MBIT), Link(0.150, 0.020, 1.6 * MBIT))
SLOW_UPLINK = Path("8 kB/s uplink", Link(0.085, 0.010, 8_000.0), Link(0.085, 0.010, 9 * MBIT))

PATHS = (OFFICE, FOUR_G, THREE_G, SLOW_UPLINK)
