"""Sessions, light files and tilt files: what is told comes out, and what is wrong is told in one line."""

from __future__ import annotations

import math
import random
from pathlib import Path

import cv2
import numpy as np
import pytest

from geodfx.capture.session import read_lp, read_session, read_tilts
from geodfx.errors import CalibrationError, GeodfxError, PhotoError, SessionError

LIGHTS = "2\na.png 0 0 1\nb.png 0.6 0 0.8\n"


def write_photo(path: Path, dtype=np.uint8, seed=0, size=(6, 5)):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 200, (size[1], size[0], 3)).astype(dtype)
    assert cv2.imwrite(str(path), values)
    return path


def make_session(folder: Path, toml: str | None = 'domain = "light"\n', lights: str | None = LIGHTS, dtype=np.uint8):
    for i, name in enumerate(("a.png", "b.png")):
        write_photo(folder / name, dtype, seed=i)
    if lights is not None:
        (folder / "lights.lp").write_text(lights)
    if toml is not None:
        (folder / "session.toml").write_text(toml)
    return folder


def told(folder_or_file, read=read_session, error=SessionError):
    """Return the message of the error, which must be one line and name a file of the session."""
    with pytest.raises(error) as caught:
        read(folder_or_file)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder_or_file) in message
    return message


def test_every_reference_session_is_read(shared_data):
    counts = {"light": 0, "tilt": 0, "environment": 0}
    for path in sorted(shared_data.rglob("session.toml")):
        session = read_session(path.parent)
        counts[session.domain] += 1
        assert all(photo.is_file() for photo in session.photos)
        if session.light_direction is not None:
            np.testing.assert_allclose(np.linalg.norm(session.light_direction, axis=1), 1, atol=1e-12)
    assert counts == {"light": 14, "tilt": 2, "environment": 2}


def test_a_reference_session_holds_what_its_text_says(shared_data):
    session = read_session(shared_data / "diamond" / "heldout")
    assert session.stone == "diamond_heldout"
    assert (session.transfer, session.white_value) == ("linear", 0.03125)
    assert session.light_radius_rad == pytest.approx(math.radians(10))
    assert (session.camera_distance, session.field_width, session.display_gain) == (8.0, 1.24, 0.0874304)
    assert len(session.names) == 32
    assert session.names[0] == "diamond_heldout_000.png"
    np.testing.assert_allclose(session.light_direction[0], [0.267780, -0.076065, 0.960473], atol=1e-6)
    assert session.mask == shared_data / "diamond" / "heldout" / "mask.png"


def test_tilt_and_environment_sessions(shared_data):
    tilt = read_session(shared_data / "sapphire_tilt" / "train")
    np.testing.assert_allclose(np.degrees(tilt.tilt_rad[1]), [-18, -15])
    assert tilt.tilt_rad.shape == (169, 2)
    assert tilt.rig_lights.shape == (4, 3)
    assert tilt.light_direction is None
    environment = read_session(shared_data / "diamond" / "environment_studio")
    assert environment.environment.resolve() == (shared_data / "environments" / "studio.hdr").resolve()
    assert environment.names[1] == "truth_01.npy"


def test_sphere_sessions_take_all_photos_in_name_order(shared_data):
    cat = read_session(shared_data / "cat_chrome")
    assert cat.light_direction is None  # the .lp beside it is not named, and there are spheres
    assert cat.names == tuple(f"Image_{i:02}.png" for i in range(1, 13))
    assert [sphere.photos[11].name for sphere in cat.spheres] == ["Image_12.JPG"] * 2
    rock = read_session(shared_data / "rock_and_sphere")
    assert len(rock.photos) == 9
    assert rock.spheres[0].photos is None
    assert rock.spheres[0].circle == (782.6, 782.2, 64.9)


@pytest.mark.parametrize(("dtype", "transfer"), [(np.uint8, "srgb"), (np.uint16, "linear")])
def test_a_folder_with_one_light_file_is_a_session(tmp_path, dtype, transfer):
    session = read_session(make_session(tmp_path / "ruby", toml=None, dtype=dtype))
    assert (session.stone, session.domain, session.transfer, session.white_value) == ("ruby", "light", transfer, 1.0)
    assert session.photos == (tmp_path / "ruby" / "a.png", tmp_path / "ruby" / "b.png")
    assert session.mask is None
    assert session.light_radius_rad is None


def test_a_folder_with_no_or_two_light_files_is_none(tmp_path):
    assert "holds no .lp file; add one" in told(make_session(tmp_path, toml=None, lights=None))
    for name in ("one.lp", "two.LP"):
        (tmp_path / name).write_text(LIGHTS)
    assert "holds 2 .lp files (one.lp, two.LP); say which" in told(tmp_path)
    assert "is no folder" in told(tmp_path / "absent")


def test_names_of_other_computers_find_the_photos(tmp_path):
    lights = "3\nC:\\dome\\jpg\\a one.png 0 0 1\n/home/x/b\tc.png 0 0 1\nsub/c.png 0 0 1\n"
    folder = make_session(tmp_path, 'domain = "light"\nphotos = "p"\n', lights)
    for i, name in enumerate(("a one.png", "b\tc.png", "sub/c.png")):
        write_photo(folder / "p" / name, seed=i)
    session = read_session(folder)
    assert session.names == ("C:\\dome\\jpg\\a one.png", "/home/x/b\tc.png", "sub/c.png")
    assert session.photos == (folder / "p" / "a one.png", folder / "p" / "b\tc.png", folder / "p" / "sub" / "c.png")


def test_names_that_repeat_the_photo_folder(tmp_path):
    folder = make_session(tmp_path, 'domain = "light"\nphotos = "p"\n', "1\np/a.png 0 0 1\n")
    write_photo(folder / "p" / "a.png")
    assert read_session(folder).photos == (folder / "p" / "a.png",)


def test_the_first_photo_tells_the_transfer_and_must_be_there(tmp_path):
    folder = make_session(tmp_path, toml=None)
    (folder / "a.png").unlink()
    assert "a.png: is missing" in told(folder, error=PhotoError)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('domain = "light"\nwhite_valeu = 1', "white_valeu is not a known key; did you mean 'white_value'?"),
        ('domain = "light"\nzzz = 1', "zzz is not a known key; the keys are stone, domain"),
        ('stone = "x"', 'domain is missing; write domain = "light"'),
        ('domain = "dark"', "domain is 'dark'; choose one of light, tilt, environment"),
        ('domain = "light"\ntransfer = "gamma"', "transfer is 'gamma'; choose one of linear, srgb"),
        ('domain = "light"\nwhite_value = 0', "white_value is 0; it must be a number above 0"),
        ('domain = "light"\nwhite_value = true', "white_value is True; it must be a number"),
        ('domain = "light"\nwhite_value = nan', "white_value is nan; it must be a number"),
        ('domain = "light"\nlight_radius_deg = 90', "light_radius_deg is 90; it must be a number above 0 and below 90"),
        ('domain = "light"\ncamera_distance = "8"', "camera_distance is '8'; it must be a number"),
        ('domain = "light"\nfield_width = -1', "field_width is -1; it must be a number"),
        ('domain = "light"\ndisplay_gain = inf', "display_gain is inf; it must be a number"),
        ('domain = "light"\nmask = 3', "mask is 3, not text"),
        ('domain = "light"\nmask = "m\\u0000"', "mask is"),
        ('domain = "light"\nmask = "none.png"', "none.png, which is not there"),
        ('domain = "light"\nphotos = "none"', "which is not there"),
        ('domain = "light"\nlights = "none.lp"', "which is not there"),
        ('domain = "light"\ntilts = "t.csv"', "tilts is a key of domain tilt or environment, but domain is 'light'"),
        ('domain = "tilt"', "tilts is missing, and domain 'tilt' needs it"),
        ('domain = "light"\nspheres = 3', "spheres must be tables"),
        ('domain = "light"\n[[spheres]]\ncircel = 1', "spheres.circel is not a known key; did you mean 'circle'?"),
        ('domain = "light"\n[[spheres]]\ncircle = [1, 2]', "spheres.circle holds [1, 2]; it must be 3 numbers"),
        ('domain = "light"\n[[spheres]]\ncircle = [1, 2, 0]', "spheres.circle has a radius of 0"),
        ('domain = "light"\n[[spheres]]\nphotos = "one"', "must give one photo a light"),
        ('domain = "light"\n[[spheres]]\nphotos = "empty"', "holds no picture"),
        ('domain = "light', "is not valid TOML"),
        ("x = " + "[" * 3000, "is not valid TOML"),
        ("x = " + "9" * 5000, "is not valid TOML"),
    ],
)
def test_what_is_wrong_in_session_toml_names_file_and_key(tmp_path, toml, message):
    folder = make_session(tmp_path, toml)
    write_photo(folder / "one" / "only.png")
    (folder / "empty").mkdir()
    text = told(folder)
    assert message in text
    assert str(folder / "session.toml") in text


def test_rig_lights_are_brought_to_length_one_and_checked(tmp_path):
    folder = make_session(tmp_path, 'domain = "tilt"\ntilts = "t.csv"\nrig_lights = [[0, 3, 4]]\n')
    (folder / "t.csv").write_text("file,pitch_deg,roll_deg\na.png,0,10\n")
    np.testing.assert_allclose(read_session(folder).rig_lights, [[0, 0.6, 0.8]])
    for rows, error, message in (
        ("[[0, 1]]", SessionError, "must be 3 numbers"),
        ("[]", SessionError, "must be a list of directions"),
        ("[[0, 0, 0]]", CalibrationError, "rig_lights 1: direction (0, 0, 0) is zero"),
    ):
        (folder / "session.toml").write_text(f'domain = "tilt"\ntilts = "t.csv"\nrig_lights = {rows}\n')
        assert message in told(folder, error=error)


def test_light_files_as_people_write_them(tmp_path):
    path = tmp_path / "l.lp"
    path.write_bytes(b"\xef\xbb\xbf 2 \r\nphotos/my  stone 1.jpg\t0\t3 4\r\n\r\n  b 1e200 0 1e200  \r\n\r\n")
    names, directions = read_lp(path)
    assert names == ("photos/my  stone 1.jpg", "b")
    np.testing.assert_allclose(directions, [[0, 0.6, 0.8], [math.sqrt(0.5), 0, math.sqrt(0.5)]])


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", SessionError, "is empty"),
        ("0\n", SessionError, "lists no photo"),
        ("3\na 0 0 1\n", SessionError, "line 1 says '3' photos, but 1 lines follow"),
        ("0\na 0 0 1\n", SessionError, "line 1 says '0' photos, but 1 lines follow"),
        ("a 0 0 1\nb 0 0 1\n", SessionError, "line 1 is 'a 0 0 1', not the number of photos"),
        ("1.5\na 0 0 1\n", SessionError, "line 1 is '1.5'"),
        ("1\na 0 0\n", SessionError, "line 2 is 'a 0 0', not `photo x y z`"),
        ("1\na 5\n", SessionError, "line 2 is 'a 5', not"),
        ("1\n0 0 1\n", SessionError, "line 2 is '0 0 1', not"),
        ("1\na 0,0 0,5 1\n", SessionError, "line 2 is"),
        ("2\na 0 0 1\n\nb 0 0 0\n", CalibrationError, "line 4 ('b'): direction (0, 0, 0) is zero"),
        ("1\na nan 0 1\n", CalibrationError, "line 2 ('a'): direction (nan, 0, 1) is not finite"),
        ("1\na 0 -inf 1\n", CalibrationError, "not finite"),
        ("1\na 0 1e999 1\n", CalibrationError, "not finite"),
        ("1\n\x01a 0 0 1\n", SessionError, "without a usable file name"),
        ("9" * 5000 + "\n", SessionError, "not the number of photos"),
    ],
)
def test_what_is_wrong_in_a_light_file_names_the_line(tmp_path, text, error, message):
    path = tmp_path / "l.lp"
    path.write_text(text)
    assert message in told(path, read_lp, error)


def test_light_files_that_are_no_text(tmp_path):
    path = tmp_path / "l.lp"
    path.write_bytes(b"1\ncaf\xe9 0 0 1\n")
    assert "is not UTF-8 text (byte 5); save it as UTF-8" in told(path, read_lp)
    assert "cannot be read" in told(tmp_path, read_lp)


def test_tilt_files(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("File, pitch_deg, roll_deg\na,b.png,-4.5,90\n")
    names, tilt_rad = read_tilts(path)
    assert names == ("a,b.png",)
    np.testing.assert_allclose(tilt_rad, [[math.radians(-4.5), math.pi / 2]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1 must be `file,pitch_deg,roll_deg`"),
        ("a.png,0,0\n", "line 1 must be"),
        ("file,pitch_deg,roll_deg\n", "lists no photo"),
        ("file,pitch_deg,roll_deg\na.png,0\n", "line 2 is 'a.png,0', not"),
        ("file,pitch_deg,roll_deg\na.png,0,nan\n", "not within 90 degrees"),
        ("file,pitch_deg,roll_deg\na.png,0,91\n", "line 2 ('a.png,0,91') has a tilt"),
    ],
)
def test_what_is_wrong_in_a_tilt_file_names_the_line(tmp_path, text, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    assert message in told(path, read_tilts)


def test_random_text_is_read_or_refused_and_nothing_else(tmp_path):
    rng = random.Random(7)
    folder = make_session(tmp_path)
    pieces = [
        "domain",
        "=",
        '"light"',
        '"tilt"',
        "lights",
        '"lights.lp"',
        "[[spheres]]",
        "circle",
        "[1,2,3]",
        "nan",
        "\n",
    ]
    pieces += [
        "1",
        "2",
        " ",
        "a.png",
        "b.png",
        "0",
        "0.5",
        "-1e400",
        "\t",
        "\x00",
        "é",
        ",",
        "file,pitch_deg,roll_deg",
        "[",
        "{",
    ]
    read = refused = 0
    for _ in range(300):
        (folder / "session.toml").write_text('domain = "light"\n' + "".join(rng.choices(pieces, k=rng.randrange(8))))
        lines = [
            LIGHTS[: rng.randrange(len(LIGHTS))] if rng.random() < 0.5 else LIGHTS,
            *rng.choices(pieces, k=rng.randrange(4)),
        ]
        (folder / "lights.lp").write_text("".join(lines))
        for attempt in (
            read_session,
            lambda folder: read_lp(folder / "lights.lp"),
            lambda folder: read_tilts(folder / "lights.lp"),
        ):
            try:
                attempt(folder)
                read += 1
            except GeodfxError as error:
                refused += 1
                assert "\n" not in str(error)
    assert read > 30
    assert refused > 100
