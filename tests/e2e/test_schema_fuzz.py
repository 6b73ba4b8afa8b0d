"""Whatever the OpenAPI document allows or forbids is answered as it says: Schemathesis, with all its checks."""

import re
from pathlib import Path

from fuzz.schema import guarded, tried

#: For each operation, and for the chains of them, beside the examples and the edges of the schema.
CASES = 4


def test_the_gateway_answers_as_its_document_says(new_folder: Path) -> None:
    with guarded(new_folder) as (served, key):
        found = tried(served.rest, key, CASES, None, new_folder)
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr[-2000:]
    counted = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)", found.stdout)
    assert counted is not None, found.stdout
    assert len(set(counted.groups())) == 1, counted[0]
    said = served.said.read_text()
    assert '"level":"error"' not in said, said[-20_000:]
