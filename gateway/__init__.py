"""A gateway in front of NVIDIA Triton: media in, an ensemble run, a lasting observation out."""

__version__ = "0.1.0"
