"""Circuits of invented devices that the solvers are tried on."""

import numpy as np

from lightloom.photonics.circuit import solver
from lightloom.photonics.circuit.elements import FourPort, Models, Sink, TwoPort
from lightloom.photonics.netlist import Instance, Netlist, Wire
from lightloom.spec import benes

C = 299_792_458.0
CARRIER = C / 1310e-9
N_EFF, N_GROUP = 2.4, 4.2
BAR_CROSS = ((("o1", "o2"), ("o4", "o3")), (("o4", "o3"), ("o1", "o2")))
CROSSING = tuple(
    ((p, q), (through[q], through[p]))
    for through in [{"o1": "o3", "o3": "o1", "o2": "o4", "o4": "o2"}]
    for p, q in [("o1", "o2"), ("o2", "o3"), ("o3", "o4"), ("o4", "o1")]
)


def wire(length_um, loss_db_per_cm=0.0):
    def transfer(f):
        n = N_EFF + (N_GROUP - N_EFF) * (f - CARRIER) / CARRIER
        amplitude = 10 ** (-loss_db_per_cm * length_um * 1e-4 / 20)
        return amplitude * np.exp(-2j * np.pi * f * n * length_um * 1e-6 / C)

    return TwoPort(transfer, N_GROUP * length_um * 1e-6 / C * 1e12)


def coupler(p):
    middle = p["angle"]

    def matrix(f):
        angle = middle * (CARRIER / f) ** 1.5
        t, k = np.cos(angle), -1j * np.sin(angle)
        return p.get("amplitude", 1.0) * np.moveaxis(np.array([[t, k], [k, t]]), -1, 0)

    return FourPort(matrix, 0.0, BAR_CROSS)


def crossing(p):
    leak, through = 10 ** (p["leak_db"] / 20), np.sqrt(1 - 10 ** (p["leak_db"] / 10))
    one = np.array([[1j * leak, through], [through, 1j * leak]])
    return FourPort(lambda f: np.broadcast_to(one, (f.size, 2, 2)), 0.0, CROSSING)


def splitter(p):
    one = np.full((2, 2), np.sqrt(0.5) + 0j)
    one[1, 1] *= -1
    sides = ((("o1", ""), ("o2", "o3")), (("o2", "o3"), ("o1", "")))
    return FourPort(lambda f: np.broadcast_to(one, (f.size, 2, 2)), 0.0, sides)


def heated(p):
    base = wire(p["length_um"])
    return TwoPort(base.transfer, base.delay_ps, heated=True)


DEVICES = {
    "edge": lambda p: TwoPort(lambda f: np.full(f.size, p.get("amplitude", 1.0) + 0j), 0.0),
    "coupler": coupler,
    "crossing": crossing,
    "heater": heated,
    "splitter": splitter,
    "sink": lambda p: Sink(),
}
LOSSLESS = Models(DEVICES, wire)
LOSSY = Models(DEVICES, lambda length: wire(length, 3.0))


class Builder:
    """Joins pins by waveguides of random length."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.netlist = Netlist("test")

    def add(self, name, kind, **parameters):
        self.netlist.instances[name] = Instance(kind, parameters)
        return name

    def join(self, a, b, length=None):
        length = float(self.rng.uniform(1, 50)) if length is None else length
        self.netlist.nets[f"w{len(self.netlist.nets)}"] = Wire([a, b], length)


def mzi(angle=np.pi / 4, imbalance=0.0):
    b = Builder(0)
    for name in ("left", "right"):
        b.add(name, "coupler", angle=angle)
    b.add("h", "heater", length_um=100.0)
    b.join(("left", "o3"), ("h", "o1"), 10.0)
    b.join(("h", "o2"), ("right", "o2"), 10.0)
    b.join(("left", "o4"), ("right", "o1"), 120.0 - imbalance)
    for name, pin in (("in0", ("left", "o2")), ("in1", ("left", "o1"))):
        b.netlist.ports[name] = pin
    for name, pin in (("out0", ("right", "o3")), ("out1", ("right", "o4"))):
        b.netlist.ports[name] = pin
    return b.netlist


def benes_netlist(ports, seed, angle_spread=0.1):
    """A Benes network whose wirings are sorted out by columns of crossings."""
    b = Builder(seed)
    ends = []
    for i in range(ports):
        b.netlist.ports[f"in{i}"] = (b.add(f"ein{i}", "edge", amplitude=0.9), "o1")
        ends.append((f"ein{i}", "o2"))
    for stage in range(benes.stages(ports)):
        for row in range(ports // 2):
            name = f"s{stage}_{row}"
            for side in ("l", "r"):
                angle = np.pi / 4 + angle_spread * b.rng.uniform(-1, 1)
                b.add(name + side, "coupler", angle=angle)
            b.add(name + "h", "heater", length_um=100.0)
            b.join(ends[2 * row], (name + "l", "o2"))
            b.join(ends[2 * row + 1], (name + "l", "o1"))
            b.join((name + "l", "o3"), (name + "h", "o1"), 20.0)
            b.join((name + "h", "o2"), (name + "r", "o2"), 20.0)
            b.join((name + "l", "o4"), (name + "r", "o1"), 140.0)
            ends[2 * row], ends[2 * row + 1] = (name + "r", "o3"), (name + "r", "o4")
        if stage == benes.stages(ports) - 1:
            break
        target = benes.wiring(ports, stage)
        while target != sorted(target):
            for i in range(ports - 1):
                if target[i] > target[i + 1]:
                    name = b.add(f"x{len(b.netlist.instances)}", "crossing", leak_db=-40.0)
                    b.join(ends[i], (name, "o1"))
                    b.join(ends[i + 1], (name, "o4"))
                    ends[i], ends[i + 1] = (name, "o2"), (name, "o3")
                    target[i], target[i + 1] = target[i + 1], target[i]
    for i in range(ports):
        b.netlist.ports[f"out{i}"] = (b.add(f"eout{i}", "edge", amplitude=0.9), "o1")
        b.join(ends[i], (f"eout{i}", "o2"))
    return b.netlist


def program(netlist, ports, models=LOSSLESS, heaters=()):
    names = [f"in{i}" for i in range(ports)], [f"out{i}" for i in range(ports)]
    return solver.compile(netlist, models, *names, heaters)


def heater_names(ports):
    return [f"s{s}_{r}h" for s in range(benes.stages(ports)) for r in range(ports // 2)]
