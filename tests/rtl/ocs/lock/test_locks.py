"""Bad parameters of the locks."""

import gc

import pytest

from lightloom.rtl.ocs.lock.locks import Locks
from lightloom.rtl.ocs.lock.probe import Probe
from lightloom.rtl.ocs.lock.sweep import Sweep


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Probe(0, 8), "cells = 0; allowed: 1 to 4096"),
        (lambda: Probe(20, 5000), "sources = 5000; allowed: 1 to 4096"),
        (lambda: Sweep(20, 8, sample_bits=7), "sample_bits = 7; allowed: 8 to 16"),
        (lambda: Locks("benes", 8, sample_bits=17), "sample_bits = 17; allowed: 8 to 16"),
        (lambda: Locks("ring", 8), "topology = 'ring'; allowed: benes"),
    ],
)
def test_bad_parameters_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
    gc.collect()  # of what was refused, while its warning is off


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_the_chip_of_most_ports_elaborates():
    locks = Locks("benes", 64)
    assert (locks.cells, locks.inputs) == (352, 64)
    del locks
    gc.collect()
