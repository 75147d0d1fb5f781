"""What a stone's photos show, and what they would of a cut: what a search of cuts compares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from geodfx.arrays import F32, F64, I64, evenly
from geodfx.basis import light_kernel
from geodfx.capture.cut_dome import DomeScene, show_lights
from geodfx.capture.cut_family import Shape
from geodfx.capture.cut_paths import list_rays, show_each
from geodfx.capture.cut_view import Scene, View, show_planes
from geodfx.capture.fit_settings import THOROUGH, CutSettings
from geodfx.capture.photos import RadianceStack
from geodfx.constants import DISPLAY_GAMMA
from geodfx.powers import raise_powers

__all__ = ["CENTRE", "WITHIN", "Change", "DomeEvidence", "Evidence", "Place", "TiltEvidence", "display_some"]

Place = tuple[float, float]
CENTRE: Sequence[Place] = ((0.0, 0.0),)
WITHIN: Sequence[Place] = ((-0.25, -0.25), (-0.25, 0.25), (0.25, 0.25), (0.25, -0.25))  # rays of a texel
DARK = 1e-30  # of white: as good as none
GREEN, BRIGHTER = 1, 1.25
TEXELS = 3000  # of the stone's: those that no search asks tell how well it did
MORE_TEXELS = 2  # times as many are asked where a ray is followed once for all photos

Cuts = Sequence[tuple[F64, float, float]]  # planes (P, 4), index and absorbance of each
Change = Callable[[Cuts, float], Callable[[int], F32]]


@dataclass(frozen=True)
class Evidence(ABC):
    """What T texels display in L photos."""

    scene: View
    shown: F64  # (T, L) 0..1 of one channel
    place: F64  # (T, 2)
    gain: float  # display gain
    index: float | None = None  # of the stone, where its name tells it
    channels: F64 | None = None  # (T, L, 3) as shown, of all channels
    search: CutSettings = THOROUGH.search

    @abstractmethod
    def light(self, planes: F64, index: float, absorbance: float, place: F64, photos: I64, wider: float) -> F64:
        """Return how much of a light's radiance a stone within planes shows at places (T, 2) in photos (M,): (T, M).

        absorbance: a stone width. wider: how many times as soft the rims of lights are. One ray each.
        """

    @abstractmethod
    def change(self, texels: I64, photos: I64) -> Change:
        """Return what tells, of cuts that differ little from the first, what rays `WITHIN` texels show in photos.

        Called with such cuts and how soft lights are, and then with one's number, it returns (4 T, M): the first place
        of all texels, then the second.
        """

    def show(
        self, cut: Shape, numbers: F64, texels: I64, photos: I64, wider: float = 1.0, within: Sequence[Place] = CENTRE
    ) -> F64:
        """Return what a cut displays, (T, M), by the mean of rays through places within texels."""
        planes, light = cut.planes(numbers), np.zeros((len(texels), len(photos)))
        for place in self.places(texels, within):
            light += self.light(planes, float(numbers[0]), float(numbers[1]), place, photos, wider)
        return self.display(light, len(within))

    def places(self, texels: I64, within: Sequence[Place]) -> list[F64]:
        """Return the places (T, 2) of rays through texels (T,), one place within them after another."""
        return [self.place[texels] + self.scene.grid * np.array([right, up]) for right, up in within]

    def display(self, light: F32 | F64, rays: int) -> F64:
        """Return what so many rays display that show so much of a light together."""
        brightness = self.gain * light_kernel(self.scene.radius_rad)[0] / rays
        shown = np.clip(brightness * light, DARK, 1).astype(np.float32).ravel()
        raise_powers(shown, np.float32(1 / DISPLAY_GAMMA), np.empty(len(shown), np.int32))
        return shown.reshape(light.shape).astype(np.float64)

    def some(self, texels: int, photos: int) -> tuple[I64, I64, F64]:
        """Return some texels and some photos, evenly, and what is displayed there."""
        its, when = evenly(len(self.place), texels), evenly(self.shown.shape[1], photos)
        return its, when, self.shown[np.ix_(its, when)]


@dataclass(frozen=True)
class TiltEvidence(Evidence):
    """What texels display at L tilts."""

    scene: Scene

    def light(self, planes: F64, index: float, absorbance: float, place: F64, photos: I64, wider: float) -> F64:
        """Return what a stone shows at tilts."""
        return show_planes(self.scene, planes, index, absorbance, place, photos, wider)

    def change(self, texels: I64, photos: I64) -> Change:
        """Return what tells what cuts show: rays that meet the faces that they met are not followed anew."""
        rays = list_rays(self.scene, np.concatenate(self.places(texels, WITHIN)), photos)
        return lambda cuts, wider: show_each(self.scene, cuts, rays, wider).of


@dataclass(frozen=True)
class DomeEvidence(Evidence):
    """What texels display under L lights, one after another: all are asked at once, for that costs little."""

    scene: DomeScene
    camera_open: bool = False  # how far away it stood is not told

    def seen_from(self, nearness: float) -> DomeEvidence:
        """Return the evidence with the camera at a distance of one over its nearness."""
        return replace(self, scene=self.scene.seen_from(nearness))

    def light(self, planes: F64, index: float, absorbance: float, place: F64, photos: I64, wider: float) -> F64:
        """Return what a stone shows of lights."""
        return show_lights(self.scene, planes, index, absorbance, place, photos, wider).astype(np.float64)

    def change(self, texels: I64, photos: I64) -> Change:
        """Return what tells what cuts show."""
        place = np.concatenate(self.places(texels, WITHIN))

        def change(cuts: Cuts, wider: float) -> Callable[[int], F32]:
            return lambda e: show_lights(self.scene, *cuts[e], place, photos, wider)

        return change

    def some(self, texels: int, photos: int) -> tuple[I64, I64, F64]:  # noqa: ARG002  # see above
        """Return some texels, twice as many, all photos, and what is displayed there."""
        return super().some(MORE_TEXELS * texels, self.shown.shape[1])


def display_some(stack: RadianceStack, gain: float) -> tuple[I64, F64, F64]:
    """Return some of a stone's texels (T,), and what they display: the channel to ask (T, L), and all (T, L, 3).

    It is green, which a name's index is of, or a clearly brighter one.
    """
    chosen = evenly(len(stack.texels), TEXELS)
    light = np.minimum(stack.at(chosen)[0] * gain, 1).astype(np.float64)
    channels, mean = np.maximum(light, 0) ** (1 / DISPLAY_GAMMA), light.mean(axis=(0, 1))
    brightest = int(mean.argmax())
    return (
        stack.texels[chosen],
        channels[..., brightest if mean[brightest] > BRIGHTER * mean[GREEN] else GREEN],
        channels,
    )
