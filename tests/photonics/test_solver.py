import numpy as np
import pytest

from lightloom.photonics import solver
from lightloom.photonics.netlist import Instance, Netlist, Wire
from lightloom.photonics.solver import FourPort, Models, TwoPort
from lightloom.spec import benes
from lightloom.spec.base import DesignError

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


def heated(p):
    base = wire(p["length_um"])
    return TwoPort(base.transfer, base.delay_ps, heated=True)


DEVICES = {
    "edge": lambda p: TwoPort(lambda f: np.full(f.size, p.get("amplitude", 1.0) + 0j), 0.0),
    "coupler": coupler,
    "crossing": crossing,
    "heater": heated,
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


@pytest.mark.parametrize("angle", [np.pi / 4, 0.6, 1.1])
def test_mzi_powers_follow_the_closed_form(angle):
    p = program(mzi(angle), 2)
    for phase in np.linspace(0, 2 * np.pi, 9):
        power = np.abs(solver.evaluate(p, [phase], np.array([CARRIER]), CARRIER)[0]) ** 2
        cross = np.sin(2 * angle) ** 2 * np.cos(phase / 2) ** 2
        assert power == pytest.approx(np.array([[1 - cross, cross], [cross, 1 - cross]]), abs=1e-12)


def test_mzi_free_spectral_range_follows_the_group_index():
    imbalance = 100.0
    fsr = C / (N_GROUP * imbalance * 1e-6)
    f = CARRIER + np.linspace(-1.5 * fsr, 1.5 * fsr, 3001)
    flat = Models({**DEVICES, "coupler": lambda p: coupler({"angle": np.pi / 4})}, wire)
    power = np.abs(solver.evaluate(program(mzi(imbalance=imbalance), 2, flat), [0.0], f, CARRIER))
    dips = [i for i in range(1, 3000) if power[i - 1, 0, 0] > power[i, 0, 0] <= power[i + 1, 0, 0]]
    assert np.diff(f[dips]) == pytest.approx(fsr, rel=2e-2)


def test_lossless_network_conserves_power():
    net = benes_netlist(8, 3)
    for instance in net.instances.values():
        instance.parameters.pop("amplitude", None)
    p = program(net, 8)
    f = CARRIER + np.linspace(-2e12, 2e12, 5)
    phases = np.random.default_rng(4).uniform(0, 2 * np.pi, len(p.heaters))
    s = solver.evaluate(p, phases, f, CARRIER)
    unit = np.einsum("fok,fol->fkl", s.conj(), s)
    assert unit == pytest.approx(np.broadcast_to(np.eye(8), unit.shape), abs=1e-12)


def test_network_is_reciprocal():
    net = benes_netlist(8, 5)
    names = [f"in{i}" for i in range(8)], [f"out{i}" for i in range(8)]
    forward = solver.compile(net, LOSSY, *names, heater_names(8))
    backward = solver.compile(net, LOSSY, names[1], names[0], heater_names(8))
    phases = np.random.default_rng(6).uniform(0, 6, 20)
    f = CARRIER + np.linspace(-1e12, 1e12, 3)
    a = solver.evaluate(forward, phases, f, CARRIER)
    b = solver.evaluate(backward, phases, f, CARRIER)
    assert a == pytest.approx(np.swapaxes(b, 1, 2), abs=1e-13)


@pytest.mark.parametrize("ports", [2, 4])
def test_cell_states_route_as_the_network_says(ports):
    p = program(benes_netlist(ports, 7, angle_spread=0.0), ports, heaters=heater_names(ports))
    assert list(p.heaters) == heater_names(ports)
    for code in range(0, 1 << benes.cells(ports), 1 if ports == 2 else 3):
        states = [code >> k & 1 for k in range(benes.cells(ports))]
        phases = [0.0 if cross else np.pi for cross in states]
        s = solver.evaluate(p, phases, np.array([CARRIER]), CARRIER)[0]
        assert np.argmax(np.abs(s), axis=0).tolist() == benes.apply(ports, states)


def test_equals_sax_on_8x8():
    import sax  # takes seconds: one test pays

    ports = 8
    net = benes_netlist(ports, 11)
    p = program(net, ports, LOSSY, heater_names(ports))
    phases = np.random.default_rng(12).uniform(0, 2 * np.pi, len(p.heaters))
    f = CARRIER + np.array([-1e12, 0.0, 0.7e12])
    ours = np.abs(solver.evaluate(p, phases, f, CARRIER)) ** 2

    def two(t):
        return sax.reciprocal({("o1", "o2"): t})

    def s_dict(name):
        instance = net.instances[name]
        parts = instance.parameters
        if instance.type == "edge":
            return two(np.full(f.size, parts["amplitude"] + 0j))
        if instance.type == "heater":
            phase = phases[p.heaters.index(name)] * f / CARRIER
            return two(wire(parts["length_um"]).transfer(f) * np.exp(-1j * phase))
        if instance.type == "coupler":
            m = coupler(parts).matrix(f)
            bar, cross = m[:, 0, 0], m[:, 0, 1]
            pairs = {("o1", "o4"): bar, ("o2", "o3"): bar, ("o1", "o3"): cross, ("o2", "o4"): cross}
            return sax.reciprocal(pairs)
        leak, through = 1j * 10 ** (-40 / 20), np.sqrt(1 - 1e-4)
        # Only forward leaks: the solver under test leaves backward light out by contract.
        one = np.ones(f.size)
        pairs = {("o1", "o3"): through * one, ("o4", "o2"): through * one}
        pairs |= {("o1", "o2"): leak * one, ("o4", "o3"): leak * one}
        return sax.reciprocal(pairs)

    values = {name: s_dict(name) for name in net.instances}
    models = {f"m_{name}": (lambda name=name: values[name]) for name in net.instances}
    instances = {name: {"component": f"m_{name}"} for name in net.instances}
    connections = {}
    for name, joined in net.nets.items():
        transfer = two(wire(joined.length_um, 3.0).transfer(f))
        models[f"m_{name}"] = lambda s=transfer: s
        instances[name] = {"component": f"m_{name}"}
        (a, pa), (b, pb) = joined.pins
        connections[f"{a},{pa}"] = f"{name},o1"
        connections[f"{name},o2"] = f"{b},{pb}"
    circuit, _ = sax.circuit(
        {
            "instances": instances,
            "connections": connections,
            "ports": {name: f"{a},{b}" for name, (a, b) in net.ports.items()},
        },
        models,
    )
    s = sax.sdict(circuit())
    theirs = np.array(
        [
            [np.abs(np.broadcast_to(s[f"in{i}", f"out{o}"], f.shape)) ** 2 for i in range(ports)]
            for o in range(ports)
        ]
    )
    assert ours == pytest.approx(np.moveaxis(theirs, -1, 0), abs=1e-9)


def test_unused_arm_is_dark():
    b = Builder(0)
    b.add("split", "coupler", angle=np.pi / 4)
    b.netlist.ports = {"a": ("split", "o1"), "b": ("split", "o4"), "c": ("split", "o3")}
    p = solver.compile(b.netlist, LOSSLESS, ["a"], ["b", "c"])
    assert p.lines == 2
    s = solver.evaluate(p, [], np.array([CARRIER]), CARRIER)[0]
    assert np.abs(s) ** 2 == pytest.approx(np.array([[0.5], [0.5]]))


def cut(net):
    net.nets["w0"].pins.pop()


def unknown(net):
    net.instances["h"].type = "laser"


def no_angle(net):
    net.instances["left"].parameters.clear()


def no_length(net):
    net.nets["w1"].length_um = None


def ring(net):
    # the right output comes back into the left coupler: no place to start
    net.ports.pop("out1")
    net.ports.pop("in1")
    net.nets["back"] = Wire([("right", "o4"), ("left", "o1")], 10.0)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (cut, "right has light at o1 only; an input is not driven"),
        (unknown, "light reaches h of type laser; allowed: coupler, crossing, edge, heater"),
        (no_angle, "left has no parameter angle"),
        (no_length, "wire w1 has no length"),
        (ring, r"left has light at o2 only; an input is not driven, or there is a loop"),
        (lambda net: net.ports.pop("in1"), "has no optical port in1"),
        (lambda net: net.ports.pop("out1"), "no light reaches out1"),
    ],
)
def test_netlist_that_cannot_be_simulated_says_why(harm, message):
    net = mzi()
    harm(net)
    names = ["in0"] if harm is ring else ["in0", "in1"]
    outputs = ["out0"] if harm is ring else ["out0", "out1"]
    with pytest.raises(DesignError, match=message):
        solver.compile(net, LOSSLESS, names, outputs)


def test_light_from_both_sides_is_refused():
    net = mzi()
    with pytest.raises(DesignError, match=r"light comes back to|meets head on"):
        solver.compile(net, LOSSLESS, ["in0", "in1", "out0"], ["out1"])


def test_number_of_phases_is_checked():
    with pytest.raises(ValueError, match="3 heater phases; allowed: 1"):
        solver.evaluate(program(mzi(), 2), [0, 0, 0], np.array([CARRIER]), CARRIER)
