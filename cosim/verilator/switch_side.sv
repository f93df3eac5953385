// The optical switch controller: its clock, its heater outputs (to the optics kernel through DPI-C) and
// its register host.

`timescale 1fs / 1fs

module switch_side #(
    parameter int CELLS = 20,
    parameter int DAC_BITS = 10
) (
    input  real         period_fs,
    input  logic        run,
    output logic        busy,
    output logic        done,
    output logic        error,

    input  logic        host_go,
    input  logic        host_write,
    input  logic [15:0] host_address,
    input  logic [31:0] host_wdata,
    output logic        host_done,
    output logic [31:0] host_rdata,
    output logic [1:0]  host_resp
);
    import "DPI-C" context function void ll_heaters(input bit [CELLS*DAC_BITS-1:0] codes, input real time_fs);

    logic clk = 1'b0, rst = 1'b1;
    bit [CELLS*DAC_BITS-1:0] dac_codes, driven = '0;

    logic [15:0] awaddr, araddr;
    logic [31:0] w_data, r_data;
    logic [1:0] bresp, rresp;
    logic awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;

    ocs_controller controller (
        .clk, .rst, .dac_codes, .cell_states(), .busy, .done, .error, .interrupt(),
        .fault(1'b0), .held(),
        .csr__awaddr(awaddr), .csr__awprot(3'b0), .csr__awvalid(awvalid), .csr__awready(awready),
        .csr__wdata(w_data), .csr__wstrb(4'hf), .csr__wvalid(wvalid), .csr__wready(wready),
        .csr__bresp(bresp), .csr__bvalid(bvalid), .csr__bready(bready),
        .csr__araddr(araddr), .csr__arprot(3'b0), .csr__arvalid(arvalid), .csr__arready(arready),
        .csr__rdata(r_data), .csr__rresp(rresp), .csr__rvalid(rvalid), .csr__rready(rready)
    );

    axi_host #(.ADDRESS(16)) host (
        .clk, .go(host_go), .write(host_write), .address(host_address), .wdata(host_wdata),
        .done(host_done), .rdata(host_rdata), .resp(host_resp),
        .awaddr, .awvalid, .awready, .w_data, .wvalid, .wready, .bresp, .bvalid, .bready,
        .araddr, .arvalid, .arready, .r_data, .rresp, .rvalid, .rready
    );

    longint unsigned n = 0, start;
    initial begin
        wait (run);
        start = $time;
        forever begin
            if (!rst && dac_codes != driven) begin
                driven = dac_codes;
                ll_heaters(driven, real'($time - start));
            end
            clk = 1'b1;
            #(start + longint'((real'(n) + 0.5) * period_fs) - $time);
            if (n == 8) rst = 1'b0;
            clk = 1'b0;
            n = n + 1;
            #(start + longint'(real'(n) * period_fs) - $time);
        end
    end
endmodule
