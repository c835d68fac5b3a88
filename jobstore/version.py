"""The version of this package, for those that may not import the whole of it."""

__version__ = "0.1.0"
