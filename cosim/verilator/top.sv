// The complete link: two xPUs and the optical switch between them. Only this module's signals are visible
// to cocotb; the clocks live below it.

`timescale 1fs / 1fs

module top #(
    parameter int LANES = 8,
    parameter int BLOCKS = 1,
    parameter int SYMBOLS = 64,
    parameter int TX_BITS = 7,
    parameter int ADC_BITS = 6,
    parameter int CELLS = 20,
    parameter int DAC_BITS = 10
);
    real period_a_fs = 2.0e6, period_b_fs = 2.0e6, period_ocs_fs = 4.0e6;
    logic run = 1'b0, traffic = 1'b0;

    logic up_a, up_b, received_a, received_b, ocs_busy, ocs_done, ocs_error;
    logic [3:0] state_a, state_b;
    logic [31:0] words_a, words_b;

    logic a_go = 1'b0, a_write = 1'b0, a_done, b_go = 1'b0, b_write = 1'b0, b_done;
    logic o_go = 1'b0, o_write = 1'b0, o_done;
    logic [11:0] a_address = '0, b_address = '0;
    logic [15:0] o_address = '0;
    logic [31:0] a_wdata = '0, b_wdata = '0, o_wdata = '0, a_rdata, b_rdata, o_rdata;
    logic [1:0] a_resp, b_resp, o_resp;

    wire both_up = up_a && up_b;
    wire both_received = received_a && received_b;

    xpu #(.SIDE(0), .LANES(LANES), .BLOCKS(BLOCKS), .SYMBOLS(SYMBOLS), .TX_BITS(TX_BITS),
          .ADC_BITS(ADC_BITS)) xpu_a (
        .period_fs(period_a_fs), .run, .traffic, .link_up(up_a), .state(state_a),
        .received(received_a), .tx_words(words_a),
        .host_go(a_go), .host_write(a_write), .host_address(a_address), .host_wdata(a_wdata),
        .host_done(a_done), .host_rdata(a_rdata), .host_resp(a_resp)
    );

    xpu #(.SIDE(1), .LANES(LANES), .BLOCKS(BLOCKS), .SYMBOLS(SYMBOLS), .TX_BITS(TX_BITS),
          .ADC_BITS(ADC_BITS)) xpu_b (
        .period_fs(period_b_fs), .run, .traffic, .link_up(up_b), .state(state_b),
        .received(received_b), .tx_words(words_b),
        .host_go(b_go), .host_write(b_write), .host_address(b_address), .host_wdata(b_wdata),
        .host_done(b_done), .host_rdata(b_rdata), .host_resp(b_resp)
    );

`ifdef SWITCH
    switch_side #(.CELLS(CELLS), .DAC_BITS(DAC_BITS)) switch_chip (
        .period_fs(period_ocs_fs), .run, .busy(ocs_busy), .done(ocs_done), .error(ocs_error),
        .host_go(o_go), .host_write(o_write), .host_address(o_address), .host_wdata(o_wdata),
        .host_done(o_done), .host_rdata(o_rdata), .host_resp(o_resp)
    );
`else
    assign {ocs_busy, ocs_done, ocs_error, o_done} = '0;
    assign o_rdata = '0;
    assign o_resp = '0;
`endif
endmodule
