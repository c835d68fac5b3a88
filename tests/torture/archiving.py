"""A process that archives a store: ``python -m tests.torture.archiving STORE PLACE [--go-on]``.

Without ``--go-on`` it brings what there is to the store's folder and to the place, and ends.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from jobstore import JobStoreError
from jobstore.operations.archiving import Archiver, ship
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings


def settings_for(store: Path, place: Path) -> Settings:
    """Return the settings of a store that is archived to a place all the time."""
    return Settings.model_validate(
        {
            "store": {"url": sqlite_url(store)},
            "backup": {"places": [str(place)]},
            "archive": {"every": 0.1},
        }
    )


def main() -> int:
    """Read the arguments, and archive; return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("store", type=Path)
    parser.add_argument("place", type=Path)
    parser.add_argument("--go-on", action="store_true")
    arguments = parser.parse_args()
    settings = settings_for(arguments.store, arguments.place)
    if arguments.go_on:
        Archiver(settings).start()
        while True:
            time.sleep(60)
    try:
        standing = ship(settings)
    except JobStoreError as error:
        print(error, file=sys.stderr)
        return 1
    faults = [each.fault for each in standing.places if each.fault is not None]
    print("\n".join(faults), file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
