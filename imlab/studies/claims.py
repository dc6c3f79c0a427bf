"""The seventeen claims of the published article, in its order: none of them is a verdict."""

from __future__ import annotations

from imlab.lab.claims.claim import Claim
from imlab.studies.published import byte_path, delivery, sound, speed

CLAIMS: tuple[Claim, ...] = tuple(
    sorted((*speed.CLAIMS, *sound.CLAIMS, *byte_path.CLAIMS, *delivery.CLAIMS), key=lambda claim: int(claim.id[1:]))
)
