"""The sparse solver against SAX, closed forms, and the feed-forward solver."""

import numpy as np
import pytest

from lightloom.photonics.circuit import guided, scatter, solver, sparse
from lightloom.photonics.circuit.elements import FourPort, NPort, Parts, TwoPort
from lightloom.photonics.devices import O_BAND
from lightloom.photonics.netlist import Instance, Netlist, Wire
from lightloom.spec.base import DesignError

from .. import oracle, toy

CARRIER = guided.frequency_hz(1310.0)
BAND = np.linspace(guided.frequency_hz(1320), guided.frequency_hz(1300), 101)


def part(scattered):
    """The whole of an invented device that reflects nothing."""
    if isinstance(scattered, TwoPort):

        def line(f, turn):
            t = scattered.at(f, turn)
            zero = np.zeros_like(t)
            return np.moveaxis(np.array([[zero, t], [t, zero]]), -1, 0)

        return NPort(scattered.ports, line, scattered.delay_ps, scattered.heated)
    if not isinstance(scattered, FourPort):
        return NPort(scattered.ports, lambda f, _: np.zeros((f.size, 1, 1), dtype=complex), 0.0)
    order = scattered.ports

    def square(f, turn):
        s, m = np.zeros((f.size, len(order), len(order)), dtype=complex), scattered.at(f, turn)
        for enters, leaves in scattered.sides:
            for i, out in enumerate(leaves):
                for j, into in enumerate(enters):
                    if out and into:
                        s[:, order.index(out), order.index(into)] = m[:, i, j]
        return s

    return NPort(order, square, scattered.delay_ps)


def toy_parts(models=toy.LOSSLESS):
    made = {}

    def maker(kind):
        def make(parameters):
            key = kind, *sorted(parameters.items())
            return made.setdefault(key, part(models.devices[kind](parameters)))

        return make

    return Parts({kind: maker(kind) for kind in models.devices}, models.wire)


class Chip:
    """A netlist of real devices, joined by waveguides."""

    def __init__(self, **ports):
        self.netlist = Netlist("chip", ports=ports)

    def add(self, name, kind, **parameters):
        self.netlist.instances[name] = Instance(kind, parameters)
        return self

    def join(self, a, b, length):
        self.netlist.nets[f"w{len(self.netlist.nets)}"] = Wire([a, b], length)
        return self


def coupler(length=5.0, gap=0.2):
    return {"gap_um": gap, "length_um": length, "path_um": 125.0}


def all_pass():
    chip = Chip(a=("c", "o1"), b=("c", "o4")).add("c", "coupler2x2", **coupler())
    return chip.join(("c", "o3"), ("c", "o2"), 100.0)


def add_drop():
    chip = Chip(a=("c", "o1"), b=("c", "o4"), c=("d", "o1"), d=("d", "o4"))
    chip.add("c", "coupler2x2", **coupler(3.0)).add("d", "coupler2x2", **coupler(4.0))
    return chip.join(("c", "o3"), ("d", "o2"), 60.0).join(("d", "o3"), ("c", "o2"), 70.0)


def coupled_rings():
    chip = Chip(a=("c", "o1"), b=("c", "o4"))
    chip.add("c", "coupler2x2", **coupler(4.0)).add("m", "coupler2x2", **coupler(1.0))
    chip.join(("c", "o3"), ("m", "o1"), 50.0).join(("m", "o4"), ("c", "o2"), 51.0)
    return chip.join(("m", "o3"), ("m", "o2"), 90.0)


def bus_of_rings():
    chip = Chip(a=("f", "o2"), b=("g", "o2"), p=("r0", "o3"), q=("r2", "o4"))
    chip.add("f", "edge_coupler", length_um=200.0).add("g", "edge_coupler", length_um=200.0)
    for k, radius in enumerate((6.9, 7.0, 7.1)):
        chip.add(
            f"r{k}", "ring_filter", radius_um=radius, straight_um=4.0, gap_um=0.15,
            drop_gap_um=0.15, path_um=54.0,
        )  # fmt: skip
    chip.add("m", "ring_modulator", radius_um=10.0, gap_um=0.2, path_um=100.0)
    for a, b in (("r0", "r1"), ("r1", "r2"), ("r2", "m")):
        chip.join((a, "o2"), (b, "o1"), 30.0)
    for a, b in (("r0", "r1"), ("r1", "r2")):
        chip.join((a, "o4"), (b, "o3"), 30.0)
    return chip.join(("f", "o1"), ("r0", "o1"), 40.0).join(("m", "o2"), ("g", "o1"), 20.0)


def fabry_perot():
    chip = Chip(a=("f", "o2"), b=("g", "o2"))
    chip.add("f", "edge_coupler", length_um=200.0).add("g", "edge_coupler", length_um=200.0)
    return chip.join(("f", "o1"), ("g", "o1"), 300.0)


def crossed_mzi():
    """Crossings, a splitter, a photodiode, a terminator, gratings: all that reflects a little."""
    chip = Chip(a=("f", "o2"), b=("g", "o2"))
    chip.add("f", "grating_coupler", period_um=0.5, length_um=150.0)
    chip.add("g", "grating_coupler", period_um=0.5, length_um=150.0)
    chip.add("s", "splitter1x2", path_um=30.0).add("h", "heater_waveguide", length_um=200.0)
    chip.add("c", "coupler2x2", **coupler(12.0)).add("x", "crossing", path_um=18.0)
    chip.add("pd", "photodiode", length_um=20.0).add("t", "terminator", length_um=20.0)
    chip.join(("f", "o1"), ("s", "o1"), 10.0).join(("s", "o2"), ("h", "o1"), 10.0)
    chip.join(("s", "o3"), ("x", "o1"), 50.0).join(("h", "o2"), ("c", "o2"), 20.0)
    chip.join(("x", "o3"), ("c", "o1"), 160.0).join(("c", "o3"), ("g", "o1"), 5.0)
    return chip.join(("c", "o4"), ("pd", "o1"), 15.0).join(("t", "o1"), ("x", "o2"), 25.0)


CHIPS = {
    f.__name__: f
    for f in (all_pass, add_drop, coupled_rings, bus_of_rings, fabry_perot, crossed_mzi)
}


def whole(numbers=O_BAND, facets_db=None):
    if facets_db is not None:
        part = numbers.edge_coupler.model_copy(update={"return_loss_db": facets_db})
        numbers = numbers.model_copy(update={"edge_coupler": part})
    return scatter.parts(numbers)


def every_port(netlist, parts, f, phases=None):
    """S-matrix over all chip ports."""
    names = list(netlist.ports)
    circuit = sparse.build(netlist, parts)
    return sparse.evaluate(circuit, names, names, f, phases or {}, CARRIER)


@pytest.mark.parametrize("name", CHIPS)
def test_equals_sax_on_rings_and_reflections(name):
    net, parts, f = CHIPS[name]().netlist, whole(facets_db=6.0), BAND[::10]
    rng = np.random.default_rng(5)
    phases = {
        n: float(rng.uniform(0, 6))
        for n, one in net.instances.items()
        if one.type in scatter.HEATED
    }
    s = every_port(net, parts, f, phases)

    def device(instance):
        one = net.instances[instance]
        made = parts.devices[one.type](one.parameters)
        turn = phases[instance] * f / CARRIER if instance in phases else None
        values = made.matrix(f, turn)
        return {
            (p, q): values[:, j, i]
            for i, p in enumerate(made.ports)
            for j, q in enumerate(made.ports)
        }

    theirs = oracle.sax_circuit(net, device, lambda um: parts.wire(um).transfer(f), f.size)
    for i, a in enumerate(net.ports):
        for o, b in enumerate(net.ports):
            expected = np.abs(theirs(a, b)) ** 2
            assert np.abs(s[:, o, i]) ** 2 == pytest.approx(expected, abs=1e-9), (a, b)
    assert np.abs(s).max() > 0.1


@pytest.mark.parametrize("name", CHIPS)
def test_reciprocal_and_passive(name):
    s = every_port(CHIPS[name]().netlist, whole(facets_db=3.0), BAND)
    assert s == pytest.approx(np.swapaxes(s, 1, 2), abs=1e-12)
    assert np.linalg.svd(s, compute_uv=False).max() <= 1 + 1e-12


@pytest.mark.parametrize("name", [name for name in CHIPS if name != "crossed_mzi"])
def test_power_is_conserved_without_loss(name):
    numbers = O_BAND
    for group, changes in {
        "guide": {"loss_db_per_cm": 0.0},
        "coupler": {"excess_loss_db": 0.0},
        "ring_filter": {"turn_loss_db": 0.0},
        "junction": {"doping_per_cm3": 0.0},
        "edge_coupler": {"loss_db": 0.0, "return_loss_db": 3.0},
    }.items():
        changed = getattr(numbers, group).model_copy(update=changes)
        numbers = numbers.model_copy(update={group: changed})
    s = every_port(CHIPS[name]().netlist, scatter.parts(numbers), BAND)
    unit = np.swapaxes(s.conj(), 1, 2) @ s
    assert unit == pytest.approx(np.broadcast_to(np.eye(s.shape[1]), unit.shape), abs=1e-11)


def test_a_ring_of_a_coupler_and_a_waveguide_is_the_closed_form():
    s = every_port(all_pass().netlist, whole(), BAND)
    m = scatter.smatrix("coupler2x2", coupler(), BAND)
    bar, cross = m[:, 3, 0], m[:, 2, 0]
    wire = guided.propagation(100.0, BAND, guided.guide_loss_db(100.0))
    assert s[:, 1, 0] == pytest.approx(bar + cross**2 * wire / (1 - bar * wire), abs=1e-12)
    assert np.abs(s[:, 1, 0]).min() < 0.9 * np.abs(s[:, 1, 0]).max()


def test_two_facets_are_a_fabry_perot():
    f = CARRIER + np.linspace(0, 1e11, 2001)
    s = every_port(fabry_perot().netlist, whole(facets_db=10.0), f)
    part = scatter.smatrix(
        "edge_coupler", {"length_um": 200.0}, f,
        O_BAND.model_copy(
            update={"edge_coupler": O_BAND.edge_coupler.model_copy(update={"return_loss_db": 10.0})}
        ),
    )  # fmt: skip
    r, t = part[:, 0, 0], part[:, 1, 0]
    trip = guided.propagation(300.0, f, guided.guide_loss_db(300.0))
    assert s[:, 1, 0] == pytest.approx(t**2 * trip / (1 - (r * trip) ** 2), abs=1e-12)
    power = np.abs(s[:, 1, 0]) ** 2
    peaks = [i for i in range(1, 2000) if power[i - 1] < power[i] >= power[i + 1]]
    length = (300.0 + 2 * 200.0) * 1e-6
    fsr = 299_792_458 / (2 * O_BAND.guide.group_index * length)
    assert np.diff(f[peaks]) == pytest.approx(fsr, rel=1e-2)


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_feed_forward_solver_where_nothing_comes_back(seed):
    # Crossings leak backwards, so this network has none: a column of couplers on random pairs.
    b = toy.Builder(seed)
    ends = []
    for i in range(6):
        b.netlist.ports[f"in{i}"] = (b.add(f"ein{i}", "edge", amplitude=0.9), "o1")
        ends.append((f"ein{i}", "o2"))
    for k in range(20):
        i, j = b.rng.choice(6, 2, replace=False)
        b.add(f"c{k}", "coupler", angle=b.rng.uniform(0, 3))
        b.add(f"h{k}", "heater", length_um=30.0)
        b.join(ends[i], (f"c{k}", "o1"))
        b.join(ends[j], (f"c{k}", "o2"))
        b.join((f"c{k}", "o3"), (f"h{k}", "o1"))
        ends[i], ends[j] = (f"h{k}", "o2"), (f"c{k}", "o4")
    for i, pin in enumerate(ends[:5]):
        b.netlist.ports[f"out{i}"] = pin
    b.join(ends[5], (b.add("pd", "sink"), "o1"))
    names = [f"in{i}" for i in range(6)], [*(f"out{i}" for i in range(5)), "pd"]
    program = solver.compile(b.netlist, toy.LOSSY, *names)
    phases = np.random.default_rng(seed).uniform(0, 7, len(program.heaters))
    f = toy.CARRIER + np.linspace(-2e12, 2e12, 70)  # more than a block
    expected = solver.evaluate(program, phases, f, toy.CARRIER)
    circuit = sparse.build(b.netlist, toy_parts(toy.LOSSY))
    given = dict(zip(program.heaters, map(float, phases), strict=True))
    found = sparse.evaluate(circuit, *names, f, given, toy.CARRIER)
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_photodiode_receives_what_the_ports_lose():
    net = crossed_mzi().netlist
    circuit = sparse.build(net, whole())
    s = sparse.evaluate(circuit, ["a", "b"], ["pd", "a", "b"], BAND, {"h": 1.0}, CARRIER)
    assert np.abs(s[:, 0, 0]).max() > 0.05
    assert ((np.abs(s) ** 2).sum(axis=1) < 1.0).all()


def test_only_what_is_connected_is_solved():
    net = all_pass().netlist
    net.instances["elsewhere"] = Instance("laser", {})
    assert set(sparse.build(net, whole()).parts) == {"c"}


def no_length(net):
    net.nets["w0"].length_um = None


def loose(net):
    net.nets["w0"].pins.pop()


def unknown(net):
    net.instances["c"].type = "laser"


def no_gap(net):
    net.instances["c"].parameters.pop("gap_um")


def no_pin(net):
    net.nets["w0"].pins[1] = ("c", "o7")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (no_length, "wire w0 has no length"),
        (loose, "light from c,o3 ends in the loose end of w0"),
        (unknown, "c is of type laser; allowed: coupler2x2, crossing"),
        (no_gap, "c has no parameter gap_um"),
        (no_pin, "c has no port o7; allowed: o1, o2, o3, o4"),
    ],
)
def test_netlist_that_cannot_be_simulated_says_why(harm, message):
    net = all_pass().netlist
    harm(net)
    with pytest.raises(DesignError, match=message):
        sparse.build(net, whole())


def test_wrong_questions_are_refused():
    circuit = sparse.build(all_pass().netlist, whole())
    with pytest.raises(DesignError, match="has no optical port z"):
        sparse.evaluate(circuit, ["z"], ["b"], BAND)
    with pytest.raises(DesignError, match="has no optical port c"):
        sparse.evaluate(circuit, ["a"], ["c"], BAND)
    with pytest.raises(DesignError, match="c has no phase; allowed: none"):
        sparse.evaluate(circuit, ["a"], ["b"], BAND, {"c": 1.0}, CARRIER)
    with pytest.raises(ValueError, match="carrier_hz = None"):
        sparse.evaluate(
            sparse.build(crossed_mzi().netlist, whole()), ["a"], ["b"], BAND, {"h": 1.0}
        )


def test_light_that_never_ends_is_refused():
    # A loop that nothing couples out of, of a whole number of waves.
    b = toy.Builder(0)
    b.add("c", "coupler", angle=0.0)
    b.netlist.ports = {"a": ("c", "o1"), "b": ("c", "o4")}
    b.join(("c", "o3"), ("c", "o2"), 0.0)
    circuit = sparse.build(b.netlist, toy_parts())
    with pytest.raises(DesignError, match="light runs around a closed loop without loss"):
        sparse.evaluate(circuit, ["a"], ["b"], np.array([toy.CARRIER]))
