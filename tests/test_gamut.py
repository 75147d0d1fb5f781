"""Colour spaces against published matrices, and profiles against Little CMS."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from geodfx.gamut import D65, DISPLAY_P3, SRGB, adaptation, from_rec709, icc_profile, white_xyz

# From linear sRGB to linear Display P3, as in the sample code of CSS Color 4 (W3C): via XYZ, no adaptation.
TO_P3 = [[0.8224620, 0.1775380, 0.0], [0.0331942, 0.9668058, 0.0], [0.0170826, 0.0723974, 0.9105199]]


def codes_through(profile: bytes, codes: list[list[int]]) -> list[list[int]]:
    """Return the sRGB codes of codes in a profile's space, by Little CMS."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), "RGB", "RGB", renderingIntent=1)
    picture = Image.fromarray(np.array([codes], np.uint8))
    return np.asarray(ImageCms.applyTransform(picture, transform))[0].tolist()


def test_srgb_has_the_matrix_of_the_standard():
    # IEC 61966-2-1, which rounds to four places
    expected = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    np.testing.assert_allclose(SRGB.to_xyz(), expected, atol=6e-5)


def test_rec709_to_display_p3():
    np.testing.assert_allclose(from_rec709(np.eye(3, dtype=np.float32), DISPLAY_P3).T, TO_P3, atol=1e-6)
    grey = np.full((2, 5, 3), 7.5, np.float32)
    np.testing.assert_allclose(from_rec709(grey, DISPLAY_P3), grey, rtol=1e-6)
    assert from_rec709(grey, SRGB) is grey


def test_bradford_takes_one_white_to_the_other():
    d65, d50 = white_xyz(D65), np.array([0.9642, 1.0, 0.8249])
    np.testing.assert_allclose(adaptation(d65, d50) @ d65, d50, atol=1e-12)
    # As B. Lindbloom tabulates it, from D65 to D50
    expected = [[1.0478, 0.0229, -0.0501], [0.0295, 0.9905, -0.0171], [-0.0092, 0.0150, 0.7521]]
    np.testing.assert_allclose(adaptation(d65, d50), expected, atol=5e-4)


def test_little_cms_reads_the_profiles():
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile(DISPLAY_P3)))
    assert ImageCms.getProfileDescription(profile).strip() == "Display P3"
    assert profile.profile.version == pytest.approx(4.3)
    assert profile.profile.profile_id is not None
    colours = [[255, 0, 0], [200, 100, 50], [3, 1, 250], [128, 128, 128], [255, 255, 255]]
    assert codes_through(icc_profile(SRGB), colours) == colours


def test_a_colour_in_display_p3_is_shown_as_in_srgb():
    # sRGB's red and a brown, in Display P3 codes (CSS Color 4: color(display-p3 0.9175 0.2003 0.1386) is red)
    got = np.array(codes_through(icc_profile(DISPLAY_P3), [[234, 51, 35], [187, 105, 62], [77, 77, 77]]))
    np.testing.assert_allclose(got, [[255, 0, 0], [200, 100, 50], [77, 77, 77]], atol=1)
