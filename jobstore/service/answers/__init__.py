"""What the store answers, as records and plain values: the same, whoever asks.

Each function asks the store and returns what is written as JSON. Who asks, and how an answer is
dressed, is not known here.
"""
