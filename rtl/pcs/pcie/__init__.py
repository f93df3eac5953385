"""Line code of PCI Express 3.0 to 5.0: 128b/130b, for the profile `pcie5`."""
