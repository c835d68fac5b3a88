from __future__ import annotations

import pytest

from jobstore.sizes import readable_size


@pytest.mark.parametrize(
    ("octets", "text"),
    [(0, "0 bytes"), (1023, "1,023 bytes"), (1536, "1.5 KiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_read_well(octets: int, text: str) -> None:
    assert readable_size(octets) == text
