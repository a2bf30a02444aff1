"""stitchgen puts published blocks into PyTorch models that their authors already have."""

__version__ = "0.1.0"
