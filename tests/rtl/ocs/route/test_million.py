"""Random permutations through the emitted Verilog, followed through the plan of the fabric."""

import subprocess
from pathlib import Path

import pytest

from lightloom.rtl.ocs.route import router
from lightloom.rtl.ocs.route.benes import latency
from lightloom.spec import fabrics

from .asking import plan_text

HARNESS = Path(__file__).with_name("million.cpp").read_text()


def route_random(verilate, ports, count):
    name = f"route_{ports}"
    program = verilate(router("benes", ports), name, HARNESS.replace("VDUT", f"V{name}"))
    seed = 7000 + ports
    print(f"seed {seed}")
    done = subprocess.run(
        [str(program), str(seed), str(count), str(ports)],
        input=plan_text(fabrics.plan("benes", ports)),
        capture_output=True, text=True, check=False, timeout=3000,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return tuple(map(int, done.stdout.split()))


@pytest.mark.parametrize(("ports", "count"), [(16, 50_000), (32, 10_000)])
def test_random_permutations_arrive_within_as_many_cycles_as_ports(verilate, ports, count):
    assert route_random(verilate, ports, count) == (ports - 2, ports - 2)
    assert latency(ports) == ports - 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ports", "count"), [(16, 400_000), (32, 300_000), (64, 200_000), (128, 100_000)]
)
def test_one_million_random_permutations_arrive(verilate, ports, count):
    assert route_random(verilate, ports, count) == (ports - 2, ports - 2)
