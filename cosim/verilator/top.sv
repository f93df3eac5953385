// The complete link: two xPUs and the optical switch between them, or one in either transceiver. Only this
// module's signals are visible to cocotb; the clocks live below it.

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

    // of the transceivers' own switches
    logic [1:0] path_a, path_b;
    logic busy_a, busy_b;
    logic ta_go = 1'b0, ta_write = 1'b0, ta_done, tb_go = 1'b0, tb_write = 1'b0, tb_done;
    logic [11:0] ta_address = '0, tb_address = '0;
    logic [31:0] ta_wdata = '0, tb_wdata = '0, ta_rdata, tb_rdata;
    logic [1:0] ta_resp, tb_resp;

    logic freeze_a, pause_a, save_a, load_a, good_a, freeze_b, pause_b, save_b, load_b, good_b;
    logic [3:0] index_a, index_b;
    logic [7:0] tell_a, told_a, tell_b, told_b;
    logic [LANES-1:0] signal_a, signal_b;

    wire both_up = up_a && up_b;
    wire same_path = path_a == path_b && !busy_a && !busy_b;
    wire both_received = received_a && received_b;

    xpu #(.SIDE(0), .LANES(LANES), .BLOCKS(BLOCKS), .SYMBOLS(SYMBOLS), .TX_BITS(TX_BITS),
          .ADC_BITS(ADC_BITS)) xpu_a (
        .period_fs(period_a_fs), .run, .traffic, .link_up(up_a), .state(state_a),
        .received(received_a), .tx_words(words_a),
        .route_freeze(freeze_a), .route_pause(pause_a), .route_save(save_a), .route_load(load_a),
        .route_index(index_a), .route_tell(tell_a), .route_told(told_a), .frame_good(good_a),
        .rx_signal(signal_a),
        .host_go(a_go), .host_write(a_write), .host_address(a_address), .host_wdata(a_wdata),
        .host_done(a_done), .host_rdata(a_rdata), .host_resp(a_resp)
    );

    xpu #(.SIDE(1), .LANES(LANES), .BLOCKS(BLOCKS), .SYMBOLS(SYMBOLS), .TX_BITS(TX_BITS),
          .ADC_BITS(ADC_BITS)) xpu_b (
        .period_fs(period_b_fs), .run, .traffic, .link_up(up_b), .state(state_b),
        .received(received_b), .tx_words(words_b),
        .route_freeze(freeze_b), .route_pause(pause_b), .route_save(save_b), .route_load(load_b),
        .route_index(index_b), .route_tell(tell_b), .route_told(told_b), .frame_good(good_b),
        .rx_signal(signal_b),
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

`ifdef RING
    transceiver_side #(.SIDE(0), .LANES(LANES), .DAC_BITS(DAC_BITS)) transceiver_a (
        .period_fs(period_ocs_fs), .run, .path(path_a), .busy(busy_a), .rx_signal(signal_a),
        .link_up(up_a), .frame_good(good_a), .route_told(told_a), .route_freeze(freeze_a),
        .route_pause(pause_a), .route_save(save_a), .route_load(load_a), .route_index(index_a),
        .route_tell(tell_a),
        .host_go(ta_go), .host_write(ta_write), .host_address(ta_address), .host_wdata(ta_wdata),
        .host_done(ta_done), .host_rdata(ta_rdata), .host_resp(ta_resp)
    );
    transceiver_side #(.SIDE(1), .LANES(LANES), .DAC_BITS(DAC_BITS)) transceiver_b (
        .period_fs(period_ocs_fs), .run, .path(path_b), .busy(busy_b), .rx_signal(signal_b),
        .link_up(up_b), .frame_good(good_b), .route_told(told_b), .route_freeze(freeze_b),
        .route_pause(pause_b), .route_save(save_b), .route_load(load_b), .route_index(index_b),
        .route_tell(tell_b),
        .host_go(tb_go), .host_write(tb_write), .host_address(tb_address), .host_wdata(tb_wdata),
        .host_done(tb_done), .host_rdata(tb_rdata), .host_resp(tb_resp)
    );
`else
    assign {freeze_a, pause_a, save_a, load_a, freeze_b, pause_b, save_b, load_b} = '0;
    assign {index_a, index_b, tell_a, tell_b, path_a, path_b, busy_a, busy_b} = '0;
    assign {ta_done, tb_done, ta_rdata, tb_rdata, ta_resp, tb_resp} = '0;
`endif
endmodule
