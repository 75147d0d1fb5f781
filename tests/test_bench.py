"""A stone with more texels, and times of frames."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from geodfx.bench.enlarge import enlarge
from geodfx.bench.frames import CROWDS, bench_views, copied_bytes, time_crowds, time_frames
from geodfx.bench.made import made_stone
from geodfx.cli import main
from geodfx.commands import bench
from geodfx.errors import BackendError
from geodfx.render import CpuRenderer, DiscLight, View
from tests.render.stones import random_stone


@pytest.mark.parametrize("model", ["lobes", "ptm"])
def test_an_enlarged_stone_shows_the_same_in_more_texels(model):
    stone = random_stone(model, shape=(13, 22))
    large = enlarge(stone, 3)
    view = View((DiscLight((0.3, 0.2, 0.9), math.radians(15)),))
    small, shown = CpuRenderer(stone).render(view), CpuRenderer(large).render(view)
    assert large.size == (66, 39)
    np.testing.assert_array_equal(shown[1::3, 1::3, 3], small[..., 3])
    np.testing.assert_allclose(shown[1::3, 1::3], small, rtol=1e-3, atol=1e-3 * float(small.max()))
    assert large.table_bytes == pytest.approx(stone.table_bytes, rel=0.6)


def test_times_are_of_all_views_at_a_size_or_more():
    stone = random_stone(shape=(20, 30))
    times = time_frames(stone, 50)
    assert [time.view for time in times] == list(bench_views(stone))
    for time in times:
        assert time.size == (60, 40)
        assert time.seconds > 0
        assert time.copies == pytest.approx(time.seconds / time.copy_seconds)
        assert time.megapixels_per_second == pytest.approx(2400 / time.seconds / 1e6)


def test_a_crowd_is_of_as_many_stones():
    stone = random_stone(shape=(20, 30))
    times = time_crowds(stone, (1, 3))
    assert [time.stones for time in times] == [1, 3]
    for time in times:
        assert time.size == (30, 20)
        assert time.megapixels_per_second == pytest.approx(time.stones * 600 / time.seconds / 1e6)


def test_a_copy_is_of_the_stone_and_of_the_frame():
    stone = random_stone(shape=(20, 30))
    assert copied_bytes(stone) == round(stone.table_bytes * 600) + 2400


@pytest.mark.gpu
def test_the_command_tells_cpu_and_gpu(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "GPU_SIDE", 40)
    random_stone(shape=(20, 30)).save(tmp_path / "s.gdfx")
    assert main(["bench", str(tmp_path / "s.gdfx"), "--sides", "30,60"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("synthetic: ")
    assert sum("30 x 20" in line for line in lines) == 3 + len(CROWDS)
    assert any(line.startswith("one light, 64 stones") for line in lines)
    assert any(line.startswith("GPU: ") for line in lines)
    assert sum("x PTM" in line for line in lines) == 3
    assert main(["bench", str(tmp_path / "s.gdfx"), "--sides", "30", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["view"] for row in told["cpu"]] == ["one light", "eight spots", "a room", *["one light"] * len(CROWDS)]
    assert [row["stones"] for row in told["cpu"]] == [1, 1, 1, *CROWDS]
    assert told["gpu"]["size"] == [60, 40]
    for passes in told["gpu"]["views"].values():
        assert set(passes) == {"rims", "cells", "base", "patch"}
        assert min(passes.values()) > 0
    assert told["gpu"]["ptm_seconds"] > 0


def test_without_a_gpu_the_command_says_so(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise BackendError("no OpenGL 3.3 context")

    monkeypatch.setattr(bench, "time_passes", refuse)
    random_stone(shape=(20, 30)).save(tmp_path / "s.gdfx")
    assert main(["bench", str(tmp_path / "s.gdfx"), "--sides", "30"]) == 0
    assert "GPU: no OpenGL 3.3 context" in capsys.readouterr().out


@pytest.mark.parametrize("sides", ["0", "a", "", "512,", "99999"])
def test_sides_that_cannot_be_exit_with_2(sides):
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "--sides", sides])
    assert stopped.value.code == 2


def test_the_stone_that_is_made_up_is_the_same_each_time_and_flashes():
    stone = made_stone()
    assert np.array_equal(stone.lobes.refs, made_stone().lobes.refs)
    assert stone.lobes_per_texel == pytest.approx(3, rel=0.05)
    for view in bench_views(stone).values():
        shown = CpuRenderer(stone).show(view, stone.display_gain)
        assert (shown[..., :3].max(axis=-1) == 255).mean() > 0.002
