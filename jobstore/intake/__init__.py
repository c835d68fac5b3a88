"""From untrusted input to a checked :class:`~jobstore.JobPosting`, with every fault named.

Nothing here knows where postings come from, or where they go."""
