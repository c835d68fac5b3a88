"""Who may ask, and how much: what stands before every answer.

What a request's caller may do is decided here once, as :class:`.callers.Caller`; routes, tools and
pages look at nothing else.
"""
