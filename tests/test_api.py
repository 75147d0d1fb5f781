"""The importable API: names, signatures, and the way from photos to pixels and back through a file."""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import geodfx
from geodfx import errors
from tests.sessions import light_directions, matte_radiance, write_session


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return write_session(tmp_path_factory.mktemp("api") / "card", count=24)


@pytest.fixture(scope="module")
def stone(session):
    return geodfx.process(session, model="hsh")


def test_every_public_name_is_there():
    verbs = {"process", "load", "relight", "evaluate", "preset", "displayed_light"}
    types = {"Stone", "View", "DiscLight", "Tilt", "Environment", "Renderer", "Score", "Preset", "Picture"}
    assert verbs | types | {"__version__"} | set(errors.__all__) <= set(geodfx.__all__)
    assert all(hasattr(geodfx, name) for name in geodfx.__all__)


def test_signatures_are_those_of_the_command():
    assert list(inspect.signature(geodfx.process).parameters) == ["session", "model", "fast", "lean", "progress"]
    assert list(inspect.signature(geodfx.relight).parameters) == ["stone", "view", "backend"]
    assert list(inspect.signature(geodfx.load).parameters) == ["path"]
    assert list(inspect.signature(geodfx.evaluate).parameters)[:2] == ["stone", "session"]
    assert inspect.signature(geodfx.process).parameters["model"].default == "lobes"


def test_every_error_is_a_geodfx_error():
    named = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]
    assert all(issubclass(error, geodfx.GeodfxError) for error in named)


def test_photos_become_a_stone_that_is_relit(stone):
    direction = light_directions(24)[5]
    view = geodfx.View((geodfx.DiscLight(tuple(direction), stone.light_radius_rad),))
    frame = geodfx.relight(stone, view)
    truth = np.minimum(matte_radiance(direction)[1:-1, 1:-1], 1 / stone.display_gain)  # what a display shows of it
    assert frame.shape == (10, 12, 4)
    np.testing.assert_allclose(frame[1:-1, 1:-1, :3], truth, rtol=0.05, atol=0.03)
    np.testing.assert_array_equal(frame[0], 0)  # outside the mask
    np.testing.assert_array_equal(stone.relight(view), frame)


def test_a_saved_stone_is_loaded_as_it_was(stone, tmp_path):
    stone.save(tmp_path / "a.gdfx")
    loaded = geodfx.load(tmp_path / "a.gdfx")
    view = geodfx.View((geodfx.DiscLight((0.2, -0.4, 0.8), 0.1),), tilt=geodfx.Tilt(0.1, -0.05))
    np.testing.assert_array_equal(loaded.relight(view), stone.relight(view))


def test_progress_ends_at_its_total_from_the_calling_thread(session):
    told: list[tuple[str, int, int]] = []
    geodfx.process(session, model="ptm", progress=lambda stage, done, total: told.append((stage, done, total)))
    last = {stage: (done, total) for stage, done, total in told}
    assert last
    assert all(done == total > 0 for done, total in last.values())


def test_an_unknown_model_is_refused(session):
    with pytest.raises(geodfx.FitError, match="choose one of lobes, hsh, ptm"):
        geodfx.process(session, model="rbf")


def test_the_same_photos_give_the_same_bytes_in_any_thread(session, stone, tmp_path):
    def process(i: int) -> bytes:
        path = tmp_path / f"{i}.gdfx"
        geodfx.process(session, model="hsh").save(path)
        return path.read_bytes()

    with ThreadPoolExecutor(3) as pool:
        made = set(pool.map(process, range(3)))
    stone.save(tmp_path / "first.gdfx")
    assert made == {(tmp_path / "first.gdfx").read_bytes()}
