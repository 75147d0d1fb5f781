"""What each idea of the lobe fit is worth: scores, time and bytes as they are added one by one.

    python benchmarks/ablation.py TRAIN HELDOUT [TRAIN HELDOUT ...]

TRAIN is a session to fit, HELDOUT one of photos to score by; the table is that of docs/FIT.md.
"""

from __future__ import annotations

import dataclasses
import sys
import time
import warnings
from pathlib import Path

from geodfx.capture import FAST, THOROUGH, LobeSettings, capture, choose_settings
from geodfx.capture.session import read_session
from geodfx.evaluate import evaluate

ALONE = LobeSettings(
    passes=0, widths=False, fire=False, doubt=False, symmetry=False, cut=False, detail=False, joins=False
)
WIDE = dataclasses.replace(ALONE, widths=True)
POOLED = dataclasses.replace(WIDE, passes=THOROUGH.passes)
FIERY = dataclasses.replace(POOLED, fire=True)
DOUBTING = dataclasses.replace(FIERY, doubt=True)
STEPS = {
    "base only": dataclasses.replace(ALONE, lobes=False),
    "lobes as points, each texel alone": ALONE,
    "with width": WIDE,
    "pooled over facets": POOLED,
    "with fire": FIERY,
    "with doubt: the mean over what photos leave open": DOUBTING,
    "with detail of smooth texels": dataclasses.replace(DOUBTING, detail=True),
    "with its cut traced, no symmetry": dataclasses.replace(THOROUGH, symmetry=False, joins=False),
    "with symmetry": dataclasses.replace(THOROUGH, joins=False),
    "with facets joined across the picture: the default": THOROUGH,
    "`--fast`": FAST,
    "`--lean`": choose_settings(lean=True),
    "`--lean`, no facets joined": dataclasses.replace(choose_settings(lean=True), joins=False),
}


def main(sessions: list[str]) -> None:
    """Print the table of each pair of sessions."""
    for train, heldout in zip(sessions[::2], sessions[1::2], strict=True):
        print(f"\n{read_session(Path(train)).stone}\n\n| fit | dB | flux | F1 | CPU s | bytes a texel |\n{6 * '|---'}|")
        for name, settings in STEPS.items():
            begin = time.process_time()
            stone = capture(read_session(Path(train)), settings=settings).stone
            spent = time.process_time() - begin
            score = evaluate(stone, read_session(Path(heldout)))
            told = f"{score.psnr_db:.2f} | {score.flux:.3f} | {score.flash_f1:.3f} | {spent:.0f}"
            print(f"| {name} | {told} | {stone.texel_bytes:.1f} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 3 or len(sys.argv) % 2 == 0:
        sys.exit(__doc__)
    warnings.simplefilter("ignore")
    main(sys.argv[1:])
