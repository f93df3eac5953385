// One xPU: the generated SerDes with its clocks, its analogue side (the optics kernel through DPI-C), its
// frame traffic and its register host. `SIDE` is 0 for xPU A and 1 for xPU B.
//
// Every call reads values that settled before the clock edge, and what it brings is registered at that edge,
// so no result depends on the order in which a simulator runs processes at one time.

`timescale 1fs / 1fs

module xpu #(
    parameter int SIDE = 0,
    parameter int LANES = 8,
    parameter int BLOCKS = 1,
    parameter int SYMBOLS = 64,
    parameter int TX_BITS = 7,
    parameter int ADC_BITS = 6,
    parameter int PHASE_BITS = 12
) (
    input  real         period_fs,
    input  logic        run,
    input  logic        traffic,
    output logic        link_up,
    output logic [3:0]  state,
    output logic        received,
    output logic [31:0] tx_words,

    input  logic        route_freeze,
    input  logic        route_pause,
    input  logic        route_save,
    input  logic        route_load,
    input  logic [3:0]  route_index,
    input  logic [7:0]  route_tell,
    output logic [7:0]  route_told,
    output logic        frame_good,
    output logic [LANES-1:0] rx_signal,

    input  logic        host_go,
    input  logic        host_write,
    input  logic [11:0] host_address,
    input  logic [31:0] host_wdata,
    output logic        host_done,
    output logic [31:0] host_rdata,
    output logic [1:0]  host_resp
);
    localparam int BYTES = 8 * BLOCKS * LANES;
    localparam int FRAME_BITS = 8 * BYTES + $clog2(BYTES + 1) + 2;

    import "DPI-C" context function void ll_tx(input int side, input bit [LANES*SYMBOLS*TX_BITS-1:0] codes);
    import "DPI-C" context function real ll_rx(
        input int side, input bit [LANES*PHASE_BITS-1:0] phases,
        output bit [LANES*SYMBOLS*ADC_BITS-1:0] samples, output bit [LANES-1:0] detect);
    import "DPI-C" context function int lt_source(input int side, input real time_fs,
                                                  output bit [FRAME_BITS-1:0] word);
    import "DPI-C" context function void lt_taken(input int side, input real time_fs);
    import "DPI-C" context function int lt_sink(input int side, input real time_fs,
                                                input bit [FRAME_BITS-1:0] word);

    logic clk = 1'b0, rst = 1'b1, rx_clk = 1'b0, rx_rst = 1'b1;
    bit [LANES*SYMBOLS*TX_BITS-1:0] tx_codes;
    bit [LANES*SYMBOLS*ADC_BITS-1:0] rx_samples = '0, sampled = '0;
    bit [LANES*PHASE_BITS-1:0] rx_phase;
    bit [LANES-1:0] detect = '0;
    bit [FRAME_BITS-1:0] i_payload = '0, o_payload;
    bit i_valid = 1'b0, i_ready, o_valid;

    logic [11:0] awaddr, araddr;
    logic [31:0] w_data, r_data;
    logic [1:0] bresp, rresp;
    logic awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;

    serdes serdes (
        .clk, .rst, .rx_clk, .rx_rst,
        .i__payload(i_payload), .i__valid(i_valid), .i__ready(i_ready),
        .o__payload(o_payload), .o__valid(o_valid), .o__ready(1'b1),
        .tx_codes, .rx_samples, .rx_phase, .rx_signal_detect(detect),
        .rx_decisions(), .link_up, .lanes_locked(), .state,
        .route_freeze, .route_pause, .route_save, .route_load, .route_index, .route_tell, .route_told,
        .frame_good,
        .csr__awaddr(awaddr), .csr__awprot(3'b0), .csr__awvalid(awvalid), .csr__awready(awready),
        .csr__wdata(w_data), .csr__wstrb(4'hf), .csr__wvalid(wvalid), .csr__wready(wready),
        .csr__bresp(bresp), .csr__bvalid(bvalid), .csr__bready(bready),
        .csr__araddr(araddr), .csr__arprot(3'b0), .csr__arvalid(arvalid), .csr__arready(arready),
        .csr__rdata(r_data), .csr__rresp(rresp), .csr__rvalid(rvalid), .csr__rready(rready)
    );

    axi_host host (
        .clk, .go(host_go), .write(host_write), .address(host_address), .wdata(host_wdata),
        .done(host_done), .rdata(host_rdata), .resp(host_resp),
        .awaddr, .awvalid, .awready, .w_data, .wvalid, .wready, .bresp, .bvalid, .bready,
        .araddr, .arvalid, .arready, .r_data, .rresp, .rvalid, .rready
    );

    assign rx_signal = detect;

    // Inputs of the next clock are held before an edge and taken over at it, with the registers: what hangs
    // on both is then evaluated once.
    bit next_valid = 1'b0, next_rst = 1'b1, next_rx_rst = 1'b1;
    bit [FRAME_BITS-1:0] next_payload = '0;
    bit [LANES-1:0] detected = '0;
    always_ff @(posedge clk) begin
        i_valid <= next_valid;
        i_payload <= next_payload;
        rst <= next_rst;
    end
    always_ff @(posedge rx_clk) begin
        rx_samples <= sampled;
        detect <= detected;
        rx_rst <= next_rx_rst;
    end

    // Edge n is at n * period, rounded once: a rate offset does not accumulate rounding.
    longint unsigned n = 0, start;
    bit taken;
    initial begin
        received = 1'b0;
        tx_words = 0;
        wait (run);
        start = $time;
        forever begin
            taken = i_valid && i_ready && !rst;
            if (taken) lt_taken(SIDE, real'($time - start));
            if (o_valid && !rst) received = lt_sink(SIDE, real'($time - start), o_payload) != 0;
            ll_tx(SIDE, tx_codes);
            next_valid = i_valid && !taken;
            if (traffic && !next_valid) next_valid = lt_source(SIDE, real'($time - start), next_payload) != 0;
            next_rst = n < 8;
            clk = 1'b1;
            tx_words = tx_words + 1;
            n = n + 1;
            #(start + longint'((real'(n) - 0.5) * period_fs) - $time);
            clk = 1'b0;
            #(start + longint'(real'(n) * period_fs) - $time);
        end
    end

    longint unsigned words = 0;
    longint interval;
    initial begin
        wait (run);
        forever begin
            interval = longint'(ll_rx(SIDE, rx_phase, sampled, detected));
            next_rx_rst = words < 8;
            rx_clk = 1'b1;
            words = words + 1;
            #(interval / 2);
            rx_clk = 1'b0;
            #(interval - interval / 2);
        end
    end
endmodule
