import numpy as np
import pytest
from scipy import signal, special

from lightloom.cosim import channel
from lightloom.spec import DesignError
from lightloom.spec.design import Package

NYQUIST = 16e9
UI = 31.25e-12


def decibel(x):
    return 20 * np.log10(np.abs(x))


# -- elements ---------------------------------------------------------------------------------


def test_poles_have_their_corner():
    at = np.array([0.0, 24e9])
    assert decibel(channel.pole(24e9)(at)) == pytest.approx([0, -3.0103], abs=1e-4)
    assert decibel(channel.butterworth2(24e9)(at)) == pytest.approx([0, -3.0103], abs=1e-4)


@pytest.mark.parametrize("boost", [0.0, 3.0, 12.0])
def test_ctle_boosts_nyquist_by_what_it_says(boost):
    assert decibel(channel.ctle(boost, NYQUIST)(np.array([0.0, NYQUIST]))) == pytest.approx(
        [0.0, boost], abs=1e-9
    )


@pytest.mark.parametrize("loss", [0.0, 3.0, 12.0])
@pytest.mark.parametrize("skin", [0.0, 0.6, 1.0])
def test_trace_has_the_loss_delay_and_slope_it_was_asked_for(loss, skin):
    # no reflections: the line alone
    package = Package(loss_db=loss, skin_fraction=skin, return_loss_db=60.0, delay_ps=100.0)
    h = channel.trace(package, NYQUIST)
    at = np.array([NYQUIST / 4, NYQUIST])
    expected = loss * (skin * np.sqrt([0.25, 1.0]) + (1 - skin) * np.array([0.25, 1.0]))
    assert -decibel(h(at)) == pytest.approx(expected, abs=1e-2 * max(loss, 1.0))
    phase_delay = -np.angle(h(np.array([NYQUIST]))[0] * np.exp(2j * np.pi * 1.6)) / (
        2 * np.pi * NYQUIST
    )
    assert phase_delay == pytest.approx(0.0, abs=0.02e-12)


def test_mismatched_ends_ripple_as_a_line_between_two_steps():
    package = Package(loss_db=0.0, return_loss_db=6.0, delay_ps=100.0)
    h = channel.trace(package, NYQUIST)
    r = 10 ** (-6 / 20)
    # half a wave is transparent, a quarter wave sees both reflections add
    half, quarter = 1 / (2 * 100e-12), 1 / (4 * 100e-12)
    assert abs(h(np.array([half]))[0]) == pytest.approx(1.0, abs=1e-9)
    assert abs(h(np.array([quarter]))[0]) == pytest.approx((1 - r**2) / (1 + r**2), abs=1e-9)


def test_a_loss_that_needs_more_delay_is_refused():
    with pytest.raises(DesignError, match=r"package\.delay_ps = 1; allowed: at least .* 20 dB"):
        channel.trace(Package(loss_db=20.0, delay_ps=1.0), NYQUIST)


# -- time -------------------------------------------------------------------------------------


def test_held_response_of_poles_is_that_of_the_differential_equation():
    transfer = channel.butterworth2(24e9)
    got = channel.held(transfer, 1.0, UI, 256, 96)
    w = 2 * np.pi * 24e9
    time = np.arange(6 * 256) * UI / 256
    system = signal.lti([w * w], [1, np.sqrt(2) * w, w * w])
    _, step, _ = signal.lsim(system, np.ones_like(time), time)
    pulse = step - np.concatenate([np.zeros(256), step[:-256]])
    start = round(got.delay_ui * 256)
    assert 0 <= start < 10
    count = min(len(got.values), len(pulse) - start)
    np.testing.assert_allclose(got.values[:count], pulse[start : start + count], atol=2e-5)
    assert got.lost < 1e-3


def test_skin_loss_answers_a_step_as_the_complementary_error_function():
    package = Package(loss_db=6.0, skin_fraction=1.0, return_loss_db=60.0, delay_ps=200.0)
    pulse = channel.held(channel.trace(package, NYQUIST), 1.0, UI, 256, 96)
    a = 6.0 / channel.NEPER_DB / np.sqrt(np.pi * NYQUIST)
    front = 200e-12 - 6.0 / channel.NEPER_DB / (2 * np.pi * NYQUIST)

    def step(t):
        return special.erfc(a / (2 * np.sqrt(np.maximum(t, 1e-30)))) * (t > 0)

    time = (np.arange(len(pulse.values)) / 256 + pulse.delay_ui) * UI - front
    expected = step(time) - step(time - UI)
    # the corner of the rectangle rings where nothing limits the bandwidth
    np.testing.assert_allclose(pulse.values, expected, atol=2e-3)


@pytest.mark.parametrize("loss", [1.0, 6.0, 15.0])
def test_trace_is_causal(loss):
    package = Package(loss_db=loss, return_loss_db=12.0, delay_ps=300.0)
    transfer = channel.trace(package, NYQUIST)
    limited = channel.held(lambda f: transfer(f) * channel.pole(40e9)(f) ** 2, 1.0, UI, 128, 96)
    assert limited.delay_ui > 0.7 * 300 / 31.25
    # and passive: no frequency gains
    f = np.linspace(0, 100e9, 4001)
    assert np.abs(transfer(f)).max() <= 1 + 1e-12


def test_delay_is_taken_off_and_a_late_echo_is_kept():
    short = Package(loss_db=0.5, return_loss_db=8.0, delay_ps=200.0)
    transfer = channel.trace(short, NYQUIST)
    r = channel.held(lambda f: transfer(f) * channel.pole(30e9)(f) ** 2, 1.0, UI, 128, 96)
    peak = int(np.argmax(r.values))
    echo = peak + round(2 * 200 / 31.25 * 128)
    near = r.values[echo - 100 : echo + 200]
    # one round trip: two reflections, twice the loss more
    assert near.max() / r.values[peak] == pytest.approx(10 ** (-16 / 20), rel=0.25)
    assert r.delay_ui == pytest.approx(200 / 31.25, abs=0.6)


# -- Touchstone ---------------------------------------------------------------------------------


def s_matrix(package, f):
    """Two-port of the analytic trace: steps of impedance at both ends of a line."""
    lone = package.model_copy(update={"return_loss_db": 300.0})
    t = channel.trace(lone, NYQUIST)(f)
    r = 10 ** (-package.return_loss_db / 20)
    s = np.empty((len(f), 2, 2), complex)
    s[:, 0, 0] = s[:, 1, 1] = r * (1 - t**2) / (1 - r**2 * t**2)
    s[:, 0, 1] = s[:, 1, 0] = (1 - r**2) * t / (1 - r**2 * t**2)
    return s


def write(path, f, s, z0=50.0):
    import skrf

    network = skrf.Network(f=f, s=s, z0=z0, f_unit="Hz")
    network.write_touchstone(path.stem, dir=str(path.parent))
    return path


@pytest.fixture
def package():
    return Package(loss_db=5.0, return_loss_db=14.0, delay_ps=90.0)


def pulses(transfer):
    limit = channel.pole(30e9)
    return channel.held(lambda f: transfer(f) * limit(f) ** 2, 1.0, UI, 128, 96)


def same_pulse(a, b, tolerance):
    start = round((a.delay_ui - b.delay_ui) * 128)
    left, right = max(0, -start), max(0, start)
    count = min(len(a.values) - left, len(b.values) - right, 20 * 128)
    difference = a.values[left : left + count] - b.values[right : right + count]
    assert np.abs(difference).max() < tolerance * a.values.max()


@pytest.mark.parametrize("z0", [50.0, 42.5])
def test_two_port_file_gives_the_pulse_of_what_it_was_made_from(tmp_path, package, z0):
    import skrf

    f = np.arange(10e6, 60e9, 20e6)
    path = tmp_path / "line.s2p"
    if z0 == 50.0:
        write(path, f, s_matrix(package, f))
    else:
        network = skrf.Network(f=f, s=s_matrix(package, f), z0=50.0, f_unit="Hz")
        network.renormalize(z0)
        network.write_touchstone("line", dir=str(tmp_path))
    same_pulse(
        pulses(channel.touchstone(path, NYQUIST)), pulses(channel.trace(package, NYQUIST)), 0.01
    )


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3)])
def test_four_port_file_of_either_port_order_gives_the_differential_pulse(tmp_path, package, order):
    # coupled lines from their modes: odd is the one that must come out
    f = np.arange(0.0, 50e9, 25e6)
    odd = s_matrix(package, f)
    even = s_matrix(package.model_copy(update={"delay_ps": 110.0, "loss_db": 8.0}), f)
    s = np.empty((len(f), 4, 4), complex)
    for i in range(2):
        for j in range(2):
            same, cross = (even + odd)[:, i, j] / 2, (even - odd)[:, i, j] / 2
            s[:, 2 * i, 2 * j] = s[:, 2 * i + 1, 2 * j + 1] = same
            s[:, 2 * i, 2 * j + 1] = s[:, 2 * i + 1, 2 * j] = cross
    # (0, 2, 1, 3) numbers the ports line by line: 1 to 2, 3 to 4
    s = s[:, order][:, :, order]
    path = write(tmp_path / "pair.s4p", f, s)
    same_pulse(
        pulses(channel.touchstone(path, NYQUIST)), pulses(channel.trace(package, NYQUIST)), 0.01
    )


def test_inverted_line_keeps_its_sign(tmp_path, package):
    f = np.arange(10e6, 60e9, 20e6)
    s = s_matrix(package, f)
    s[:, 0, 1] *= -1
    s[:, 1, 0] *= -1
    path = write(tmp_path / "inverted.s2p", f, s)
    got = pulses(channel.touchstone(path, NYQUIST))
    same_pulse(
        channel.Response(-got.values, got.per_ui, got.delay_ui, got.lost),
        pulses(channel.trace(package, NYQUIST)),
        0.01,
    )


def test_gain_at_zero_frequency_is_extrapolated(tmp_path, package):
    f = np.arange(200e6, 60e9, 50e6)
    path = write(tmp_path / "high.s2p", f, s_matrix(package, f))
    h = channel.touchstone(path, NYQUIST)(np.array([0.0, 200e6]))
    assert h[0].imag == 0.0
    assert h[0].real == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, s: (f[f < 12e9], s[f < 12e9]), r"ends at 11\.99 GHz; .* 16 GHz"),
        (lambda f, s: (f[::300], s[::300]), r"10 frequency points; allowed: at least 16"),
        (lambda f, s: (f, s * 1.2), r"not passive, greatest singular value 1\.\d+"),
        (lambda f, s: (f[::160], s[::160]), r"3200 MHz between points is too coarse"),
        (
            lambda f, s: (f, np.where(np.arange(2)[None, :, None] == 0, np.nan, s)),
            r"not readable|not finite",
        ),
    ],
)
def test_unusable_files_are_refused(tmp_path, package, change, message):
    f = np.arange(10e6, 60e9, 20e6)
    path = write(tmp_path / "bad.s2p", *change(f, s_matrix(package, f)))
    with pytest.raises(DesignError, match=rf"package\.touchstone = .*bad\.s2p: {message}"):
        channel.touchstone(path, NYQUIST)


def test_files_that_are_not_touchstone_or_have_other_ports_are_refused(tmp_path, package):
    with pytest.raises(DesignError, match=r"absent\.s2p: no such file"):
        channel.touchstone(tmp_path / "absent.s2p", NYQUIST)
    text = tmp_path / "text.s2p"
    text.write_text("# GHz S RI R 50\nthis is not a number\n")
    with pytest.raises(DesignError, match=r"text\.s2p: not readable as Touchstone"):
        channel.touchstone(text, NYQUIST)
    (tmp_path / "empty.s4p").write_text("")
    with pytest.raises(DesignError, match=r"empty\.s4p: "):
        channel.touchstone(tmp_path / "empty.s4p", NYQUIST)
    binary = tmp_path / "binary.s2p"
    binary.write_bytes(bytes(range(256)) * 4)
    with pytest.raises(DesignError, match=r"binary\.s2p: not readable as Touchstone"):
        channel.touchstone(binary, NYQUIST)
    f = np.arange(10e6, 60e9, 100e6)
    one = write(tmp_path / "one.s1p", f, s_matrix(package, f)[:, :1, :1])
    with pytest.raises(DesignError, match=r"one\.s1p: 1 ports; allowed: 2 or 4"):
        channel.touchstone(one, NYQUIST)
    s = np.zeros((len(f), 4, 4), complex)
    s[:, 2, 0] = s[:, 3, 1] = s[:, 1, 0] = s[:, 3, 2] = 0.3
    vague = write(tmp_path / "vague.s4p", f, s)
    with pytest.raises(DesignError, match=r"no clear pair of lines at 0\.01 GHz"):
        channel.touchstone(vague, NYQUIST)


def test_the_design_chooses_file_or_trace(tmp_path, package):
    f = np.arange(10e6, 60e9, 20e6)
    path = write(tmp_path / "line.s2p", f, s_matrix(package, f))
    from_file = channel.package(Package(touchstone=str(path), loss_db=0.0), NYQUIST)
    at = np.array([10e9])
    assert abs(from_file(at)[0]) == pytest.approx(
        abs(channel.package(package, NYQUIST)(at)[0]), abs=1e-3
    )
