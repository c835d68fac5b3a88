"""The ``jobstore`` command: one module per group of commands.

Talking to people, exit codes and output live here; what a command does is done by the store
and by ``exchange``. Modules import those inside the commands, so that ``--help`` starts fast.
"""
