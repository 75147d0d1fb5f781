"""Pictures read and written, against Pillow, OpenCV and files made by hand."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image

from geodfx.errors import OutputError, PhotoError, SessionError, ViewError
from geodfx.images import (
    atomic_write,
    check_writable,
    is_own_picture,
    probe_image,
    read_image,
    read_mask,
    write_image,
)

BROKEN_PNGS = 14  # the files of PngSuite whose names start with x


def noise(height=13, width=17, channels=3, dtype=np.uint8):
    values = np.random.default_rng(5).integers(0, np.iinfo(dtype).max + 1, (height, width, channels))
    return values.astype(dtype)


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_16(pixels):
    """Return an uncompressed-as-it-gets PNG of (H, W, 3) uint16, written from the standard's text."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in parts)


def tiff(pixels, *, planar=1, colours=2):
    """Return a little-endian, uncompressed TIFF of (H, W, C) uint8 or uint16."""
    height, width, channels = pixels.shape
    bits, data = pixels.dtype.itemsize * 8, pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    tags = [
        (256, width),
        (257, height),
        (258, bits),
        (259, 1),
        (262, colours),
        (273, 0),
        (277, channels),
        (278, height),
    ]
    tags += [(279, len(data)), (284, planar)]
    start = 8 + 2 + 12 * len(tags) + 4
    long_bits = struct.pack("<3H", bits, bits, bits)
    body = b""
    for tag, value in tags:
        if tag == 258 and channels == 3:
            body += struct.pack("<HHII", tag, 3, 3, start)
        else:
            body += struct.pack("<HHII", tag, 4, 1, start + 8 if tag == 273 else value)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + bytes(4) + long_bits + bytes(2) + data


def pillow_bytes(pixels, kind, **options):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def exr_bytes(tmp_path, channels, compression=OpenEXR.ZIP_COMPRESSION):
    path = tmp_path / "made.exr"
    with OpenEXR.File({"compression": compression, "type": OpenEXR.scanlineimage}, channels) as file:
        file.write(str(path))
    return path.read_bytes()


def npy_bytes(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def read_bytes(tmp_path, data, error=PhotoError):
    path = tmp_path / "picture"
    path.write_bytes(data)
    return read_image(path, error)


def test_every_valid_png_of_pngsuite_is_what_pillow_reads(shared_data):
    paths = [path for path in sorted((shared_data / "pngsuite").glob("*.png")) if not path.name.startswith("x")]
    assert len(paths) > 150
    for path in paths:
        got = read_image(path)
        with Image.open(path) as picture:
            if picture.mode == "I;16":
                expected = np.repeat(np.asarray(picture, np.uint16)[..., None], 3, axis=2)
            else:
                expected = np.asarray(picture.convert("RGBA"))[..., :3]
        if got.dtype == np.uint16 and expected.dtype == np.uint8:
            got = (got >> 8).astype(np.uint8)  # Pillow keeps the high bytes of 16-bit colour
        assert got.dtype == expected.dtype, path.name
        np.testing.assert_array_equal(got, expected, err_msg=path.name)


def test_every_broken_png_of_pngsuite_is_refused_in_one_line(shared_data, capfd):
    paths = sorted((shared_data / "pngsuite").glob("x*.png"))
    assert len(paths) == BROKEN_PNGS
    for path in paths:
        with pytest.raises(PhotoError, match="copy it anew") as told:
            read_image(path)
        assert str(path) in str(told.value)
        assert "\n" not in str(told.value)
    assert capfd.readouterr() == ("", "")


def test_16_bit_png_keeps_every_bit(tmp_path):
    pixels = noise(dtype=np.uint16)
    np.testing.assert_array_equal(read_bytes(tmp_path, png_16(pixels)), pixels)
    assert probe_image(tmp_path / "picture") == ((17, 13), np.uint16)


def test_a_png_profile_text_or_wrong_place_changes_and_prints_nothing(tmp_path, capfd):
    plain = png_16(noise(dtype=np.uint16))
    odd = plain[:33] + png_chunk(b"gAMA", struct.pack(">I", 99999)) + png_chunk(b"iCCP", b"bad") + plain[33:]
    np.testing.assert_array_equal(read_bytes(tmp_path, odd), noise(dtype=np.uint16))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_tiff_of_8_and_16_bits_grey_and_colour(tmp_path, dtype, channels):
    pixels = noise(channels=channels, dtype=dtype)
    got = read_bytes(tmp_path, tiff(pixels, colours=2 if channels == 3 else 1))
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, np.broadcast_to(pixels, (13, 17, 3)))


def test_big_tiff_and_packed_tiff(tmp_path):
    pixels = noise()
    for options in ({"big_tiff": True}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}):
        np.testing.assert_array_equal(read_bytes(tmp_path, pillow_bytes(pixels, "TIFF", **options)), pixels)


@pytest.mark.parametrize("layout", [{"planar": 2}, {"colours": 0}, {"colours": 5}])
def test_a_tiff_that_would_be_read_wrong_is_refused(tmp_path, layout):
    with pytest.raises(PhotoError, match="unusual layout"):
        read_bytes(tmp_path, tiff(noise(dtype=np.uint16), **layout))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_jpeg_is_what_opencv_reads(tmp_path, options):
    data = pillow_bytes(cv2.GaussianBlur(noise(61, 83), (0, 0), 2), "JPEG", **options)
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(read_bytes(tmp_path, data), expected)


def test_grey_jpeg_is_replicated_and_orientation_ignored(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate by 90 degrees"
    got = read_bytes(tmp_path, pillow_bytes(np.full((8, 16), 90, np.uint8), "JPEG", exif=exif))
    assert got.shape == (8, 16, 3)
    assert (got == 90).all()


def test_cmyk_jpeg_is_refused(tmp_path):
    out = io.BytesIO()
    Image.new("CMYK", (8, 8)).save(out, "JPEG")
    with pytest.raises(PhotoError, match="4 channels"):
        read_bytes(tmp_path, out.getvalue())


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_exr_half_and_float_with_alpha(tmp_path, dtype):
    pixels = np.random.default_rng(1).normal(0, 50, (9, 14, 4)).astype(dtype)
    got = read_bytes(tmp_path, exr_bytes(tmp_path, {"RGBA": pixels}))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, pixels[..., :3].astype(np.float32))
    assert probe_image(tmp_path / "picture") == ((14, 9), np.float32)


def test_exr_of_one_channel_is_grey_and_of_two_is_refused(tmp_path):
    one = np.random.default_rng(1).random((40, 5)).astype(np.float32)
    for compression in (OpenEXR.NO_COMPRESSION, OpenEXR.PIZ_COMPRESSION, OpenEXR.ZIPS_COMPRESSION):
        got = read_bytes(tmp_path, exr_bytes(tmp_path, {"Y": one}, compression))
        np.testing.assert_array_equal(got, np.repeat(one[..., None], 3, axis=2))
    with pytest.raises(PhotoError, match=r"channels U, V instead of R, G, B"):
        read_bytes(tmp_path, exr_bytes(tmp_path, {"U": one, "V": one}))


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (6, 5, 3), (6, 5, 4)])
def test_npy_of_every_shape(tmp_path, shape):
    array = np.random.default_rng(2).random(shape)
    expected = np.broadcast_to(
        array if array.ndim == 3 else array[..., None], (6, 5, array.shape[-1] if array.ndim == 3 else 1)
    )
    got = read_bytes(tmp_path, npy_bytes(array.astype(np.float16)))
    np.testing.assert_array_equal(got, np.broadcast_to(expected[..., :3], (6, 5, 3)).astype(np.float16))


def test_npy_of_objects_or_of_words_is_refused(tmp_path):
    for array in (np.array([[{}]], object), np.array([["word"]]), np.zeros(5), np.zeros((3, 3, 2))):
        with pytest.raises(PhotoError, match="which is no picture"):
            read_bytes(tmp_path, npy_bytes(array))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path, value):
    with pytest.raises(PhotoError, match="not finite"):
        read_bytes(tmp_path, npy_bytes(np.full((4, 4, 3), value, np.float32)))


def test_environment_maps_are_what_opencv_reads(shared_data):
    path = shared_data / "environments" / "studio.hdr"
    np.testing.assert_array_equal(read_image(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1])


def whole_files(tmp_path):
    pixels = noise()
    return {
        "PNG": png_16(noise(dtype=np.uint16)),
        "PNG of 8 bits": pillow_bytes(pixels, "PNG"),
        "JPEG": pillow_bytes(pixels, "JPEG"),
        "progressive JPEG": pillow_bytes(pixels, "JPEG", progressive=True),
        "TIFF": tiff(noise(dtype=np.uint16)),
        "LZW TIFF": pillow_bytes(pixels, "TIFF", compression="tiff_lzw"),
        "EXR": exr_bytes(tmp_path, {"RGB": pixels.astype(np.float32)}),
        "EXR of single rows": exr_bytes(tmp_path, {"RGB": pixels.astype(np.float16)}, OpenEXR.ZIPS_COMPRESSION),
        "NPY": npy_bytes(pixels.astype(np.float32)),
    }


def test_a_file_cut_anywhere_is_refused_in_one_line(tmp_path, capfd):
    for name, data in whole_files(tmp_path).items():
        read_bytes(tmp_path, data)
        for length in sorted({*range(0, len(data), 7), *range(len(data) - 20, len(data))}):
            with pytest.raises(PhotoError, match="picture") as told:
                read_bytes(tmp_path, data[:length])
                pytest.fail(f"{name} of {len(data)} bytes was read from its first {length}")
            assert "\n" not in str(told.value)
    assert capfd.readouterr() == ("", "")


def test_damaged_files_are_read_or_refused_and_nothing_else(tmp_path):
    rng = np.random.default_rng(11)
    for data in whole_files(tmp_path).values():
        refused = 0
        for _ in range(150):
            damaged = bytearray(data)
            for _ in range(rng.integers(1, 4)):
                damaged[rng.integers(0, min(len(data), rng.choice([64, 400, len(data)])))] = rng.integers(0, 256)
            try:
                picture = read_bytes(tmp_path, bytes(damaged))
            except PhotoError:
                refused += 1
            else:
                assert picture.ndim == 3
                assert picture.shape[2] == 3
        assert refused > 0


def test_a_missing_file_a_folder_and_a_text(tmp_path):
    with pytest.raises(ViewError, match=r"nowhere\.hdr: is missing; put it back"):
        read_image(tmp_path / "nowhere.hdr", ViewError)
    with pytest.raises(PhotoError, match="cannot be read"):
        read_image(tmp_path)
    with pytest.raises(PhotoError, match=r"is no PNG, JPEG, TIFF"):
        read_bytes(tmp_path, b"line 1")
    with pytest.raises(PhotoError, match="is empty"):
        read_bytes(tmp_path, b"")
    with pytest.raises(PhotoError, match="claims to be"):
        read_bytes(
            tmp_path,
            png_16(noise())[:16] + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1 << 20, 1 << 20, 8, 2, 0, 0, 0))[8:],
        )


def test_masks_of_every_depth(tmp_path):
    grey = np.array([[0, 127, 128, 255]], np.uint8)
    for array, kind in (
        (grey, "PNG"),
        (grey.astype(np.uint16) * 257, "TIFF"),
        (np.repeat(grey[..., None], 3, 2), "PNG"),
    ):
        path = tmp_path / "mask"
        path.write_bytes(pillow_bytes(array, kind))
        np.testing.assert_array_equal(read_mask(path), grey)
    path.write_bytes(npy_bytes(grey / np.float32(255)))
    np.testing.assert_array_equal(read_mask(path), grey)
    with pytest.raises(SessionError, match="is missing"):
        read_mask(tmp_path / "none.png")


def test_written_floats_come_back(tmp_path):
    frame = np.random.default_rng(3).normal(1, 40, (7, 11, 4)).astype(np.float32)
    write_image(tmp_path / "frame.npy", frame)
    np.testing.assert_array_equal(np.load(tmp_path / "frame.npy"), frame)
    write_image(tmp_path / "frame.exr", frame)
    with OpenEXR.File(str(tmp_path / "frame.exr")) as file:
        np.testing.assert_array_equal(file.channels()["RGBA"].pixels, frame)
    write_image(tmp_path / "half.exr", frame * 1e4, half=True)
    with OpenEXR.File(str(tmp_path / "half.exr")) as file:
        half = file.channels()["RGBA"].pixels
    assert half.dtype == np.float16
    np.testing.assert_array_equal(half, np.clip(frame * 1e4, -65504, 65504).astype(np.float16))


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_a_display_file_takes_codes_alone(tmp_path, suffix):
    with pytest.raises(TypeError, match="holds codes, uint8, not float32"):
        write_image(tmp_path / f"frame{suffix}", np.zeros((2, 2, 4), np.float32))
    assert list(tmp_path.iterdir()) == []


def test_a_profile_is_written_into_display_files(tmp_path):
    for suffix in (".png", ".webp"):
        path = tmp_path / f"frame{suffix}"
        write_image(path, noise(), profile=b"a profile, told as given")
        with Image.open(path) as picture:
            assert picture.info["icc_profile"] == b"a profile, told as given"
            assert "srgb" not in picture.info


def test_codes_are_written_as_they_are(tmp_path):
    pixels = noise(channels=4)
    write_image(tmp_path / "frame.png", pixels)
    with Image.open(tmp_path / "frame.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), pixels)
        assert picture.info["srgb"] == 0
    smooth = np.full((20, 30, 3), (200, 90, 30), np.uint8)
    write_image(tmp_path / "frame.webp", smooth)
    with Image.open(tmp_path / "frame.webp") as picture:
        assert np.abs(np.asarray(picture).astype(int) - smooth).max() <= 4


def test_the_same_frame_gives_the_same_bytes_and_is_known_as_ours(tmp_path):
    for suffix in (".png", ".exr", ".webp", ".npy"):
        frame = noise(channels=4) if suffix in (".png", ".webp") else noise(channels=4).astype(np.float32)
        for name in ("one", "two"):
            write_image(tmp_path / (name + suffix), frame)
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
    (tmp_path / "photo.png").write_bytes(pillow_bytes(noise(), "PNG"))
    assert is_own_picture(tmp_path / "one.png")
    assert is_own_picture(tmp_path / "one.exr")
    assert not is_own_picture(tmp_path / "photo.png")
    assert not is_own_picture(tmp_path / "nowhere.png")


def test_what_fails_leaves_nothing_and_what_was_there(tmp_path):
    path = tmp_path / "stone.gdfx"
    path.write_bytes(b"old")
    with pytest.raises(KeyError), atomic_write(path) as out:
        out.write(b"new")
        raise KeyError
    assert path.read_bytes() == b"old"
    with pytest.raises(OutputError, match=r"stone\.gdfx: cannot be written: No space"), atomic_write(path) as out:
        raise OSError(28, "No space left on device")
    assert [p.name for p in tmp_path.iterdir()] == ["stone.gdfx"]
    with atomic_write(path) as out:
        out.write(b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("suffix", [".png", ".exr", ".npy", ".webp"])
def test_a_place_that_cannot_be_written(tmp_path, suffix):
    frame = np.zeros((2, 2, 4), np.uint8)
    (tmp_path / "file").touch()
    (tmp_path / f"folder{suffix}").mkdir()
    for path, reason in (
        (tmp_path / "absent" / f"a{suffix}", "there is no folder"),
        (tmp_path / "file" / f"a{suffix}", "there is no folder"),
        (tmp_path / f"folder{suffix}", "it is a folder"),
    ):
        for attempt in (lambda path=path: write_image(path, frame), lambda path=path: check_writable(path)):
            with pytest.raises(OutputError, match=reason) as told:
                attempt()
            assert str(path) in str(told.value)
    check_writable(tmp_path / f"fine{suffix}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", f"folder{suffix}"]
    with pytest.raises(OutputError, match=r"name it \.png"):
        write_image(tmp_path / "a.bmp", frame)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on file sizes stands in for a full disk on Linux")
@pytest.mark.parametrize("suffix", [".png", ".exr", ".npy", ".webp"])
def test_a_disk_that_fills_up(tmp_path, suffix):
    program = """
import resource, sys
from pathlib import Path
import numpy as np
from geodfx.errors import OutputError
from geodfx.images import write_image
frame = np.random.default_rng(0).integers(0, 256, (200, 200, 4)).astype(np.uint8)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_image(Path(sys.argv[1]), frame)
except OutputError as error:
    print(error)
"""
    path = tmp_path / f"frame{suffix}"
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert str(path) in done.stdout
    assert "free some space" in done.stdout
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    assert list(Path(tmp_path).iterdir()) == []
