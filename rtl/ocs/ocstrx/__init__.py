"""Controller of the switch inside a transceiver: one of three paths for all lanes."""
