"""The co-packaged optical engine: what it is made of, drawn and wired to bumps."""
