// The controller of a transceiver's own optical switch: its clock, its sensors and heaters (the optics
// kernel through DPI-C), the side band to the SerDes of its xPU and its register host.

`timescale 1fs / 1fs

module transceiver_side #(
    parameter int SIDE = 0,
    parameter int LANES = 8,
    parameter int DAC_BITS = 10
) (
    input  real         period_fs,
    input  logic        run,
    output logic [1:0]  path,
    output logic        busy,

    input  logic [LANES-1:0] rx_signal,
    input  logic        link_up,
    input  logic        frame_good,
    input  logic [7:0]  route_told,
    output logic        route_freeze,
    output logic        route_pause,
    output logic        route_save,
    output logic        route_load,
    output logic [3:0]  route_index,
    output logic [7:0]  route_tell,

    input  logic        host_go,
    input  logic        host_write,
    input  logic [11:0] host_address,
    input  logic [31:0] host_wdata,
    output logic        host_done,
    output logic [31:0] host_rdata,
    output logic [1:0]  host_resp
);
    localparam int CELLS = 4 * LANES;
    localparam int TAP_CLOCKS = 8;  // between looks at the taps: far below the debounce

    import "DPI-C" context function void ll_switch(
        input int side, input bit [CELLS*DAC_BITS-1:0] codes, input real time_fs);
    import "DPI-C" context function int ll_taps(input int side, input real time_fs);

    logic clk = 1'b0, rst = 1'b1;
    bit [CELLS*DAC_BITS-1:0] dac_codes, driven = '0;
    logic [2*LANES-1:0] light = '0;

    logic [11:0] awaddr, araddr;
    logic [31:0] w_data, r_data;
    logic [1:0] bresp, rresp;
    logic awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;

    ocstrx_controller controller (
        .clk, .rst, .dac_codes, .cell_states(), .path, .busy, .interrupt(),
        .light_primary(light[LANES-1:0]), .light_backup(light[2*LANES-1:LANES]), .rx_signal,
        .link_up, .frame_good,
        .route_told, .route_freeze, .route_pause, .route_save, .route_load, .route_index, .route_tell,
        .csr__awaddr(awaddr), .csr__awprot(3'b0), .csr__awvalid(awvalid), .csr__awready(awready),
        .csr__wdata(w_data), .csr__wstrb(4'hf), .csr__wvalid(wvalid), .csr__wready(wready),
        .csr__bresp(bresp), .csr__bvalid(bvalid), .csr__bready(bready),
        .csr__araddr(araddr), .csr__arprot(3'b0), .csr__arvalid(arvalid), .csr__arready(arready),
        .csr__rdata(r_data), .csr__rresp(rresp), .csr__rvalid(rvalid), .csr__rready(rready)
    );

    axi_host #(.ADDRESS(12)) host (
        .clk, .go(host_go), .write(host_write), .address(host_address), .wdata(host_wdata),
        .done(host_done), .rdata(host_rdata), .resp(host_resp),
        .awaddr, .awvalid, .awready, .w_data, .wvalid, .wready, .bresp, .bvalid, .bready,
        .araddr, .arvalid, .arready, .r_data, .rresp, .rvalid, .rready
    );

    // Codes that the heaters had before the start stay until the controller first drives others than 0.
    longint unsigned n = 0, start;
    initial begin
        wait (run);
        start = $time;
        forever begin
            if (!rst && dac_codes != driven) begin
                driven = dac_codes;
                ll_switch(SIDE, driven, real'($time - start));
            end
            clk = 1'b1;
            #(start + longint'((real'(n) + 0.5) * period_fs) - $time);
            if (n == 8) rst = 1'b0;
            if (n % TAP_CLOCKS == 0) light = (2*LANES)'(ll_taps(SIDE, real'($time - start)));
            clk = 1'b0;
            n = n + 1;
            #(start + longint'(real'(n) * period_fs) - $time);
        end
    end
endmodule
