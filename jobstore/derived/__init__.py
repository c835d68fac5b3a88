"""What follows from a posting, whatever the engine: merging, yearly amounts, counts, digests.

Everything here is pure: no input or output, no engine."""
