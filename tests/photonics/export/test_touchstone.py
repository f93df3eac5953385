"""Touchstone files read back, by an independent reader, as what was written."""

import csv

import numpy as np
import pytest
import skrf

from lightloom.photonics.export import touchstone
from lightloom.photonics.export.touchstone import Scattering, from_transfer, write
from lightloom.spec import DesignError

CARRIER = 2.2884920e14


def random(ports, points=3, seed=3):
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    s = rng.normal(size=(points, ports, ports)) + 1j * rng.normal(size=(points, ports, ports))
    names = tuple(f"p{n}" for n in range(ports))
    return Scattering(names, CARRIER + 1e9 * np.arange(points) + 1 / 3, s / 7)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("ports", [1, 2, 3, 4, 5, 8, 9, 16, 32])
def test_an_independent_reader_finds_the_same_numbers(tmp_path, ports, version):
    data = random(ports)
    path = write(tmp_path, "chip", data, ("Said.",), version)
    assert path.name == f"chip.s{ports}p"
    found = skrf.Network(str(path))
    np.testing.assert_array_equal(found.s, data.s)
    np.testing.assert_array_equal(found.f, data.frequencies_hz)
    assert tuple(found.port_names) == data.ports


@pytest.mark.parametrize("version", [1, 2])
def test_lines_are_short_and_the_header_states_the_convention(tmp_path, version):
    text = write(tmp_path, "chip", random(9), ("From here.",), version).read_text()
    numbers = [line for line in text.splitlines() if line[:1] not in "!#["]
    assert max(len(line.split()) for line in numbers) <= 9
    comments = " ".join(line[1:].strip() for line in text.splitlines() if line.startswith("!"))
    assert "exp(+j w t)" in comments
    assert "in Hz" in comments
    assert "From here." in comments
    assert ("[Version] 2.0" in text) == (version == 2)
    assert ("[Number of Ports] 9" in text) == (version == 2)


def test_a_file_beyond_the_limit_is_refused(tmp_path):
    points = touchstone.MAX_VALUES // 64**2 + 1
    flat = np.broadcast_to(np.zeros(1, complex), (points, 64, 64))
    data = Scattering(tuple(map(str, range(64))), CARRIER + np.arange(points), flat)
    with pytest.raises(DesignError, match=f"chip.s64p: {points} frequencies of 64 ports; allowed"):
        write(tmp_path, "chip", data, ())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("ports", "frequencies", "shape", "message"),
    [
        (("a",), [1.0, 2.0], (2, 2, 2), "shape"),
        (("a",), [2.0, 1.0], (2, 1, 1), "do not rise"),
        (("a",), [0.0, 1.0], (2, 1, 1), "do not rise"),
        ((), [1.0], (1, 0, 0), "nothing"),
    ],
)
def test_what_does_not_fit_is_refused(ports, frequencies, shape, message):
    with pytest.raises(ValueError, match=message):
        Scattering(ports, np.array(frequencies), np.zeros(shape, complex))


def test_a_transfer_becomes_a_reciprocal_matrix_without_reflections():
    rng = np.random.default_rng(5)
    transfer = rng.normal(size=(4, 3, 2)) + 1j * rng.normal(size=(4, 3, 2))
    falling = CARRIER - 1e9 * np.arange(4)
    data = from_transfer(["a", "b"], ["x", "y", "z"], falling, transfer)
    assert data.ports == ("a", "b", "x", "y", "z")
    assert np.all(np.diff(data.frequencies_hz) > 0)
    np.testing.assert_array_equal(data.s, np.swapaxes(data.s, 1, 2))
    assert data.s[0, 4, 1] == transfer[3, 2, 1]  # the lowest frequency was given last
    assert not data.s[:, :2, :2].any()
    assert not data.s[:, 2:, 2:].any()


def test_routes_are_a_table_of_fields_and_losses(tmp_path):
    data = random(4, points=5)
    path = tmp_path / "routes.csv"
    touchstone.write_routes(path, {"p0": "p3", "p1": "p2"}, data, ("From here.",), CARRIER)
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    assert len(rows) == 10
    for n, row in enumerate(rows[5:]):
        z = complex(float(row["re"]), float(row["im"]))
        assert (row["from"], row["to"]) == ("p1", "p2")
        assert z == data.s[n, 2, 1]
        assert float(row["frequency_hz"]) == data.frequencies_hz[n]
        assert float(row["offset_ghz"]) == pytest.approx(n, abs=1e-6)
        assert float(row["loss_db"]) == pytest.approx(-20 * np.log10(abs(z)), abs=1e-6)
