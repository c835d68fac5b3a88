"""Starts the ``jobstore`` command, also as ``python -m jobstore``; nothing else."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    try:
        from jobstore.cli.main import main

        main()
    except KeyboardInterrupt:
        # It came before the command line could answer it, while that was being loaded.
        print("Error: Interrupted.", file=sys.stderr, flush=True)
        os._exit(1)


if __name__ == "__main__":
    main()
