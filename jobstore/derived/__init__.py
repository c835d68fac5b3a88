"""What follows from a posting, whatever the engine: merging, yearly amounts.

Everything here is pure: no input or output, no engine."""
