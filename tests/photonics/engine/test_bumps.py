import random

from lightloom.photonics.engine.bumps import Bump, csv, mirrored


def bumps(seed):
    rng = random.Random(seed)
    return tuple(
        Bump(f"b{k}", round(rng.uniform(0, 900), 3), round(rng.uniform(-400, 400), 3), f"n{k}")
        for k in range(20)
    )


def test_the_flipped_die_sees_the_mirror_image():
    for seed in range(5):
        here = bumps(seed)
        there = mirrored(here, 900.0)
        assert [b.name for b in there] == [b.name for b in here]
        assert all(round(a.x_um + b.x_um, 3) == 900.0 for a, b in zip(here, there, strict=True))
        assert all((a.y_um, a.net) == (b.y_um, b.net) for a, b in zip(here, there, strict=True))
        assert mirrored(there, 900.0) == here


def test_a_map_reads_back():
    rows = csv(bumps(1)).splitlines()
    assert rows[0] == "name,x_um,y_um,net"
    read = [row.split(",") for row in rows[1:]]
    assert tuple(Bump(n, float(x), float(y), net) for n, x, y, net in read) == bumps(1)
