"""Photos looked over, read into codes, and brought to radiance; and the matte."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest

from geodfx.capture import photos as photos_module
from geodfx.capture.matte import read_matte
from geodfx.capture.photos import open_photos, read_stack
from geodfx.capture.session import read_session
from geodfx.errors import PhotoError, SessionError
from geodfx.images import write_image

SIZE = (7, 5)  # width, height


def pixels(seed=0, dtype=np.uint8, size=SIZE, high=200):
    return np.random.default_rng(seed).integers(0, high, (size[1], size[0], 3)).astype(dtype)


def make_session(folder: Path, suffix=".png", dtype=np.uint8, count=6, extra=""):
    """Write `count` photos, RGB of `pixels(seed)`, with lights at random heights."""
    rng = np.random.default_rng(1)
    lines = [str(count)]
    for i in range(count):
        path = folder / f"photo_{i}{suffix}"
        if suffix == ".exr":
            with OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": pixels(i, np.float32)}) as file:
                file.write(str(path))
        else:
            assert cv2.imwrite(str(path), pixels(i, dtype)[..., ::-1])
        x, y = rng.uniform(-0.6, 0.6, 2)
        lines.append(f"{path.name} {x} {y} 0.5")
    (folder / "lights.lp").write_text("\n".join(lines) + "\n")
    (folder / "session.toml").write_text(f'domain = "light"\n{extra}\n')
    return folder


def refusal(folder, error=PhotoError):
    """Return the one line that opening the photos of a session gives."""
    with pytest.raises(error) as told:
        open_photos(read_session(folder))
    assert "\n" not in str(told.value)
    return str(told.value)


def read(folder, alpha=None):
    photos = open_photos(read_session(folder))
    width, height = photos.size
    return read_stack(photos, np.full((height, width), 255, np.uint8) if alpha is None else alpha)


@pytest.mark.parametrize(
    ("suffix", "dtype", "transfer"),
    [
        (".png", np.uint8, "srgb"),
        (".png", np.uint16, "linear"),
        (".tif", np.uint8, "srgb"),
        (".tiff", np.uint16, "linear"),
        (".exr", np.float32, "linear"),
    ],
)
def test_every_kind_of_photo_is_gathered_in_order(tmp_path, suffix, dtype, transfer):
    photos = open_photos(read_session(make_session(tmp_path, suffix, dtype)))
    assert (photos.size, photos.dtype, photos.transfer) == (SIZE, dtype, transfer)
    assert photos.names == tuple(f"photo_{i}{suffix}" for i in range(6))
    alpha = np.random.default_rng(4).integers(0, 2, (SIZE[1], SIZE[0])).astype(np.uint8)
    stack = read_stack(photos, alpha)
    assert stack.codes.dtype == dtype
    assert stack.size == SIZE
    np.testing.assert_array_equal(stack.texels, np.flatnonzero(alpha))
    for i in range(6):
        np.testing.assert_array_equal(stack.codes[:, i], pixels(i, dtype)[alpha > 0])


def test_linear_codes_become_white_card_units(tmp_path):
    stack = read(make_session(tmp_path, dtype=np.uint16, extra="white_value = 0.25"))
    radiance, weight = stack.at(slice(3, 9))
    expected = stack.codes[3:9] / 65535 / 0.25
    np.testing.assert_allclose(radiance, expected, rtol=1e-6)
    assert radiance.dtype == weight.dtype == np.float32
    assert (weight == 1).all()


def test_srgb_codes_are_linearised(tmp_path):
    folder = make_session(tmp_path, extra="white_value = 0.5")
    assert cv2.imwrite(str(folder / "photo_2.png"), np.full((5, 7, 3), 188, np.uint8))
    radiance, _ = read(folder).at(slice(0, 35))
    # IEC 61966-2-1: ((188 / 255 + 0.055) / 1.055) ** 2.4 = 0.50289
    np.testing.assert_allclose(radiance[:, 2], 0.50289 / 0.5, rtol=1e-5)


def test_floats_are_radiance_at_once_and_never_clipped(tmp_path):
    stack = read(make_session(tmp_path, ".exr", extra="white_value = 4"))
    assert stack.table is None
    assert stack.clip_code is None
    radiance, weight = stack.at(slice(0, 35))
    np.testing.assert_allclose(radiance[:, 1], pixels(1, np.float32).reshape(-1, 3) / 4, rtol=1e-6)
    assert (weight == 1).all()


@pytest.mark.parametrize(
    ("dtype", "clipped", "clear"), [(np.uint8, (255, 254), 253), (np.uint16, (65535, 65520, 65472), 65471)]
)
def test_what_is_clipped_in_any_channel_weighs_nothing(tmp_path, dtype, clipped, clear):
    folder = make_session(tmp_path, dtype=dtype)
    picture = pixels(3, dtype)
    for i, code in enumerate((*clipped, clear)):
        picture[0, i, i % 3] = code
    assert cv2.imwrite(str(folder / "photo_3.png"), picture[..., ::-1])
    _, weight = read(folder).at(slice(0, 35))
    expected = np.ones((35, 6))
    expected[: len(clipped), 3] = 0
    np.testing.assert_array_equal(weight, expected)


def test_the_reference_photos_are_what_the_metric_reads(shared_data):
    for name in ("diamond/heldout", "icon_dome/heldout"):
        session = read_session(shared_data / name)
        photos = open_photos(session)
        alpha = read_matte(session, photos.size)
        radiance, _ = read_stack(photos, alpha).at(slice(0, int((alpha > 0).sum())))
        for i in (0, 7):
            photo = cv2.imread(str(session.photos[i]), cv2.IMREAD_UNCHANGED)[..., ::-1]
            linear = photo / np.iinfo(photo.dtype).max
            if session.transfer == "srgb":
                linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
            np.testing.assert_allclose(radiance[:, i], linear[alpha > 0] / session.white_value, rtol=2e-6, atol=1e-7)


def test_each_photo_is_read_once_on_several_threads(tmp_path, monkeypatch):
    folder = make_session(tmp_path, count=12)
    seen, threads, together = [], set(), threading.Barrier(3, timeout=20)

    def counted(path, *rest):
        seen.append(path)
        threads.add(threading.get_ident())
        if len(seen) <= 3:
            together.wait()  # passes only while three threads are here at once
        return read_image(path, *rest)

    read_image = photos_module.read_image
    monkeypatch.setattr(photos_module, "read_image", counted)
    monkeypatch.setenv("GEODFX_THREADS", "3")
    done = []
    photos = open_photos(read_session(folder))
    assert seen == []
    read_stack(photos, np.ones((5, 7), np.uint8), done.append)
    assert sorted(seen) == sorted(photos.paths)
    assert len(threads) == 3
    assert done == [1] * 12


def test_missing_photos_name_the_line_and_the_nearest_name(tmp_path):
    folder = make_session(tmp_path)
    (folder / "photo_3.png").rename(folder / "photo-3.png")
    message = refusal(folder)
    assert f"{folder / 'photo_3.png'}: is missing" in message
    assert "lights.lp" in message
    assert "there is a 'photo-3.png'" in message


@pytest.mark.parametrize("odd", [0, 4])
def test_the_photo_of_another_size_is_named_and_not_the_first(tmp_path, odd):
    folder = make_session(tmp_path)
    assert cv2.imwrite(str(folder / f"photo_{odd}.png"), pixels(9, size=(8, 5)))
    assert f"photo_{odd}.png: is 8 x 5 pixels, the others are 7 x 5" in refusal(folder)


def test_the_photo_of_another_type_is_named(tmp_path):
    folder = make_session(tmp_path)
    assert cv2.imwrite(str(folder / "photo_5.png"), pixels(9, np.uint16))
    assert "photo_5.png: holds uint16 values, the others uint8" in refusal(folder)


def test_unreadable_and_truncated_photos(tmp_path):
    folder = make_session(tmp_path, extra='transfer = "srgb"')
    whole = (folder / "photo_1.png").read_bytes()
    (folder / "photo_1.png").write_text("no picture")
    assert "photo_1.png: is no PNG" in refusal(folder)
    (folder / "photo_1.png").write_bytes(whole[:-20])
    (folder / "photo_4.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "photo_4.png" in refusal(folder)
    shutil.copy(folder / "photo_0.png", folder / "photo_4.png")
    assert cv2.imwrite(str(folder / "photo_4.png"), pixels(4))
    with pytest.raises(PhotoError, match=r"photo_1\.png: is truncated; copy it anew"):
        read(folder)


def test_duplicates_are_refused(tmp_path):
    folder = make_session(tmp_path)
    shutil.copy(folder / "photo_1.png", folder / "photo_4.png")
    assert f"photo_4.png: holds the same bytes as {folder / 'photo_1.png'}" in refusal(folder)
    lights = (folder / "lights.lp").read_text()
    (folder / "lights.lp").write_text(lights.replace("photo_4", "photo_1"))
    (folder / "photo_4.png").unlink()
    assert "photo_1.png: is listed twice, as photo 2 and 5" in refusal(folder)
    (folder / "lights.lp").write_text(lights.replace("photo_4.png", "./photo_1.png"))
    assert "is listed twice" in refusal(folder)


def test_photos_of_one_length_that_differ_anywhere_are_no_duplicates(tmp_path):
    folder = make_session(tmp_path, ".tif", count=2)
    picture = np.zeros((200, 200, 3), np.uint8)
    for name, place in (("photo_0.tif", 30), ("photo_1.tif", 140)):  # outside the samples that are compared first
        picture[place] = place
        assert cv2.imwrite(str(folder / name), picture, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
        picture[place] = 0
    assert (folder / "photo_0.tif").stat().st_size == (folder / "photo_1.tif").stat().st_size
    open_photos(read_session(folder))
    shutil.copy(folder / "photo_0.tif", folder / "photo_1.tif")
    assert "holds the same bytes" in refusal(folder)


def test_a_photo_that_is_not_listed_is_refused(tmp_path):
    folder = make_session(tmp_path)
    shutil.copy(folder / "photo_0.png", folder / "other.PNG")
    message = refusal(folder)
    assert f"{folder / 'other.PNG'}: is not listed in {folder / 'lights.lp'}" in message
    assert "add its line, or move it out of the folder" in message


def test_pictures_that_are_no_photos_of_the_series_do_not_disturb(tmp_path):
    folder = make_session(tmp_path, extra='mask = "mask.png"')
    assert cv2.imwrite(str(folder / "mask.png"), np.full((5, 7), 255, np.uint8))
    assert cv2.imwrite(str(folder / "wide.png"), pixels(size=(9, 5)))
    assert cv2.imwrite(str(folder / "deep.png"), pixels(dtype=np.uint16))
    assert cv2.imwrite(str(folder / "look.jpg"), pixels())
    assert cv2.imwrite(str(folder / "._photo_0.png"), pixels())
    (folder / "broken.png").write_bytes(b"x")
    write_image(folder / "preview.png", pixels())
    assert len(open_photos(read_session(folder)).paths) == 6


def test_sphere_photos_beside_the_object_are_no_photos_of_it(tmp_path):
    folder = make_session(tmp_path)
    (folder / "lights.lp").unlink()
    (folder / "ball").mkdir()
    for i in range(6):
        assert cv2.imwrite(str(folder / "ball" / f"b{i}.png"), pixels(50 + i))
    (folder / "session.toml").write_text('domain = "light"\n[[spheres]]\nphotos = "ball"\n')
    write_image(folder / "preview.png", pixels())
    assert open_photos(read_session(folder)).names == tuple(f"photo_{i}.png" for i in range(6))


def test_floats_that_are_said_to_be_srgb_are_refused(tmp_path):
    message = refusal(make_session(tmp_path, ".exr", extra='transfer = "srgb"'), SessionError)
    assert 'set transfer = "linear"' in message


def test_the_matte(tmp_path):
    folder = make_session(tmp_path)
    assert (read_matte(read_session(folder), SIZE) == 255).all()
    (folder / "session.toml").write_text('domain = "light"\nmask = "mask.png"\n')
    mask = np.zeros((5, 7), np.uint8)
    mask[2, 3:5] = 255, 100
    assert cv2.imwrite(str(folder / "mask.png"), mask)
    np.testing.assert_array_equal(read_matte(read_session(folder), SIZE), mask)
    for bad, message in (
        (mask // 255, "is empty: its brightest value is 1 of 255"),
        (mask.T, "is 5 x 7 pixels, the photos are 7 x 5"),
    ):
        assert cv2.imwrite(str(folder / "mask.png"), bad)
        with pytest.raises(SessionError, match=message):
            read_matte(read_session(folder), SIZE)
    (folder / "mask.png").write_bytes(b"x")
    with pytest.raises(SessionError, match=r"mask\.png: is no PNG"):
        read_matte(read_session(folder), SIZE)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows makes links for administrators only")
def test_a_link_to_a_photo_is_the_same_photo(tmp_path):
    folder = make_session(tmp_path)
    (folder / "photo_2.png").unlink()
    (folder / "photo_2.png").symlink_to(folder / "photo_1.png")
    assert "photo_2.png: is listed twice" in refusal(folder)
