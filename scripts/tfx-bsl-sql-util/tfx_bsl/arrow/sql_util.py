"""Stand-in for the module of the same name that tfx-bsl dropped after 1.16.

TFDV 1.16.1, the last release with portable wheels, imports it at start-up; only
slicing statistics by an SQL query ever calls it.
"""


class RecordBatchSQLSliceQuery:
    """Refuses SQL slicing loudly; TFDV would otherwise drop the slices in silence."""

    def __init__(self, sql: str, arrow_schema: object) -> None:
        raise RuntimeError(
            "Slicing statistics by an SQL query needs tensorflow-data-validation 1.21 or later "
            f"(Python 3.12+). Received: {sql!r}. Slice with a feature map or a slice function instead."
        )
