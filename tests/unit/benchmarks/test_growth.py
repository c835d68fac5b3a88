"""What is told of how a PostgreSQL store grows."""

from __future__ import annotations

import pytest

from benchmarks import growth


@pytest.mark.slow
def test_sizes_are_measured_in_one_table_and_in_partitions_and_the_rest_is_reckoned(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "PARTITIONS", 2)
    monkeypatch.setattr(growth, "_READS", 2)
    told = growth.main(["--scales", "30"])

    assert [(each["postings"], each["partitions"]) for each in told["measured"]] == [
        (30, 0),
        (30, 2),
    ]
    for each in told["measured"]:
        # Partitions and their indexes are told together with those of the whole.
        assert {"posting", "posting (long values)", "posting_pkey"} <= each["parts"].keys()
        assert each["bytes_per_posting"] > 1000
        assert each["dump_bytes"] > 0
    assert set(told["times_of_partitions"]) == {"get", "newest 20", "word", "words and filter"}
    assert told["reckoned"]["by"] == 30
    assert told["reckoned"]["gib_of_words_index"] > 0
    assert "reckoned" in capsys.readouterr().out
