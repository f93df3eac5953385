// AXI4-Lite master driven by a few flat signals: the host that a cocotb test plays.
// A change of `go` starts one access; `done` takes the value of `go` when its response is in `resp`, `rdata`.

module axi_host #(
    parameter int ADDRESS = 12
) (
    input  logic        clk,
    input  logic        go,
    input  logic        write,
    input  logic [ADDRESS-1:0] address,
    input  logic [31:0] wdata,
    output logic        done,
    output logic [31:0] rdata,
    output logic [1:0]  resp,

    output logic [ADDRESS-1:0] awaddr,
    output logic        awvalid,
    input  logic        awready,
    output logic [31:0] w_data,
    output logic        wvalid,
    input  logic        wready,
    input  logic [1:0]  bresp,
    input  logic        bvalid,
    output logic        bready,
    output logic [ADDRESS-1:0] araddr,
    output logic        arvalid,
    input  logic        arready,
    input  logic [31:0] r_data,
    input  logic [1:0]  rresp,
    input  logic        rvalid,
    output logic        rready
);
    logic busy = 1'b0;

    initial begin
        done = 1'b0;
        rdata = '0;
        resp = '0;
        awvalid = 1'b0;
        wvalid = 1'b0;
        arvalid = 1'b0;
    end

    assign bready = 1'b1;
    assign rready = 1'b1;

    always_ff @(posedge clk) begin
        if (!busy) begin
            if (go != done) begin
                busy <= 1'b1;
                awaddr <= address;
                araddr <= address;
                w_data <= wdata;
                awvalid <= write;
                wvalid <= write;
                arvalid <= !write;
            end
        end else begin
            if (awready) awvalid <= 1'b0;
            if (wready) wvalid <= 1'b0;
            if (arready) arvalid <= 1'b0;
            if (bvalid || rvalid) begin
                busy <= 1'b0;
                done <= go;
                rdata <= r_data;
                resp <= bvalid ? bresp : rresp;
            end
        end
    end
endmodule
