"""Co-design of xPU-CPO links and optical circuit switches."""

__version__ = "0.1.0"
