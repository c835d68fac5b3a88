"""The store for agents and people: REST, MCP and a page, by the same answers (extra ``service``).

:mod:`.answers` asks the store and says what it answered as plain values. :mod:`.rest`,
:mod:`.mcp` and :mod:`.page` are three ways to ask, and know neither SQL nor each other.
:mod:`.guarding` says who may, before any of them is reached; :mod:`.application` puts all
together, and :mod:`.serving` runs it.
"""
