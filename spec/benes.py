"""The Benes network: its wiring, counted and named once for the RTL and for the layout.

Stages are numbered from the inputs, cells in a stage from the top. Cell `row` of a stage takes
lines `2*row` and `2*row + 1`. A cell is *bar* when it keeps its two lines apart (upper in to upper
out) and *cross* when it swaps them. Cell index = `stage * ports // 2 + row`; heaters, DAC codes
and registers are in that order.
"""

from __future__ import annotations

from collections.abc import Sequence


def _levels(ports: int) -> int:
    if ports < 2 or ports & (ports - 1):
        raise ValueError(f"ports = {ports}; a Benes network has a power of two, 2 or more")
    return ports.bit_length() - 1


def stages(ports: int) -> int:
    """Number of cell columns, 2 log2(ports) - 1."""
    return 2 * _levels(ports) - 1


def cells(ports: int) -> int:
    """Number of 2x2 cells."""
    return stages(ports) * ports // 2


def wiring(ports: int, stage: int) -> list[int]:
    """Lines between `stage` and `stage + 1`: `wiring[i]` is where line `i` of `stage` goes.

    In the first half, inside blocks that halve from stage to stage, even lines go to the upper
    sub-network and odd lines to the lower; the second half is the mirror image.
    """
    levels = _levels(ports)
    count = stages(ports)
    if not 0 <= stage < count - 1:
        raise ValueError(f"stage = {stage}; wiring exists after stages 0 to {count - 2}")
    half = stage if stage < levels - 1 else count - 2 - stage
    block = ports >> half
    unshuffle = [
        base + (i >> 1) + (i & 1) * (block >> 1)
        for base in range(0, ports, block)
        for i in range(block)
    ]
    if stage < levels - 1:
        return unshuffle
    inverse = [0] * ports
    for source, target in enumerate(unshuffle):
        inverse[target] = source
    return inverse


def crossings(ports: int) -> int:
    """Waveguide crossings of the whole network: the inversions of every wiring."""
    return sum(
        sum(w[i] > w[j] for i in range(ports) for j in range(i + 1, ports))
        for w in (wiring(ports, s) for s in range(stages(ports) - 1))
    )


def apply(ports: int, cross: Sequence[bool | int]) -> list[int]:
    """Permutation that the cell states make: `result[input] = output`."""
    if len(cross) != cells(ports):
        raise ValueError(f"{len(cross)} cell states; {cells(ports)} cells")
    lines = list(range(ports))  # lines[position] = input that is there
    for stage in range(stages(ports)):
        for row in range(ports // 2):
            if cross[stage * ports // 2 + row]:
                lines[2 * row], lines[2 * row + 1] = lines[2 * row + 1], lines[2 * row]
        if stage < stages(ports) - 1:
            moved = [0] * ports
            for source, target in enumerate(wiring(ports, stage)):
                moved[target] = lines[source]
            lines = moved
    result = [0] * ports
    for position, source in enumerate(lines):
        result[source] = position
    return result


def route(permutation: Sequence[int]) -> list[int]:
    """Cell states for a full permutation (`permutation[input] = output`) by the looping algorithm.

    Each loop is entered at its lowest input, which goes to the upper sub-network. Raises ValueError
    when `permutation` is not one.

    Source: D. C. Opferman and N. T. Tsao-Wu, Bell Syst. Tech. J. 50, 1579 (1971).
    """
    ports = len(permutation)
    count = stages(ports)
    if sorted(permutation) != list(range(ports)):
        raise ValueError(f"{list(permutation)} is not a permutation of 0 to {ports - 1}")
    states = [0] * cells(ports)

    def solve(sub: Sequence[int], stage: int, first_row: int) -> None:
        size = len(sub)
        per_stage = ports // 2
        if size == 2:
            states[stage * per_stage + first_row] = int(sub[0] == 1)
            return
        inverse = {output: source for source, output in enumerate(sub)}
        upper: dict[int, bool] = {}
        for start in range(0, size, 2):
            source = start
            while source not in upper:
                upper[source] = True
                partner = inverse[sub[source] ^ 1]
                upper[partner] = False
                source = partner ^ 1
        last = count - 1 - stage
        halves: tuple[list[int], list[int]] = ([0] * (size // 2), [0] * (size // 2))
        for row in range(size // 2):
            states[stage * per_stage + first_row + row] = int(not upper[2 * row])
            states[last * per_stage + first_row + row] = int(not upper[inverse[2 * row]])
        for source, output in enumerate(sub):
            halves[0 if upper[source] else 1][source >> 1] = output >> 1
        solve(halves[0], stage + 1, first_row)
        solve(halves[1], stage + 1, first_row + size // 4)

    solve(list(permutation), 0, 0)
    return states
