"""No two files of the package need each other."""

from __future__ import annotations

from graphlib import TopologicalSorter

import grimp


def test_no_files_import_each_other_round_a_circle() -> None:
    # Imports inside of functions count as well; those that only types need do not.
    graph = grimp.build_graph("jobstore", exclude_type_checking_imports=True, cache_dir=None)
    imports = {each: graph.find_modules_directly_imported_by(each) for each in graph.modules}

    assert len(imports) > 150
    # Raises CycleError that names the files of a circle.
    TopologicalSorter(imports).prepare()
