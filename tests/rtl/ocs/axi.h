// Host at the AXI4-Lite port of a verilated top; `tick` is a clock of it.

template <class Top, class Tick> static unsigned axi_write(Top &top, Tick tick, unsigned address, unsigned data) {
    top.csr___05Fawaddr = address; top.csr___05Fwdata = data; top.csr___05Fwstrb = 15;
    top.csr___05Fawvalid = top.csr___05Fwvalid = top.csr___05Fbready = 1;
    top.eval();
    while (!(top.csr___05Fawready && top.csr___05Fwready)) tick();
    tick();
    top.csr___05Fawvalid = top.csr___05Fwvalid = 0;
    top.eval();
    while (!top.csr___05Fbvalid) tick();
    const unsigned response = top.csr___05Fbresp;
    tick();
    top.csr___05Fbready = 0;
    return response;
}

template <class Top, class Tick> static unsigned axi_read(Top &top, Tick tick, unsigned address, unsigned *data) {
    top.csr___05Faraddr = address;
    top.csr___05Farvalid = top.csr___05Frready = 1;
    top.eval();
    while (!top.csr___05Farready) tick();
    tick();
    top.csr___05Farvalid = 0;
    top.eval();
    while (!top.csr___05Frvalid) tick();
    *data = top.csr___05Frdata;
    const unsigned response = top.csr___05Frresp;
    tick();
    top.csr___05Frready = 0;
    return response;
}
