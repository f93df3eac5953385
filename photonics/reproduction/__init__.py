"""Published switches and engines, drawn and computed by the project's own generators and models."""
