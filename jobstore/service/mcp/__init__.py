"""MCP: tools for agents, over streamable HTTP at ``/mcp`` and over standard input and output.

Tools are named as the Open Job Context Protocol (OJCP, 0.1) names them, and answer in its shapes
with fields of our own beside. What they know comes from :mod:`jobstore.service.answers`.
"""
