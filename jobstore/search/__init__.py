"""The language of search: what a query means, and what a page shows of its matches.

Everything here is pure: no input or output, no engine. How an engine answers is its own."""
