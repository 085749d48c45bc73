"""``plan --by`` and ``plan --segments``: the plan by segment in words."""

from collections.abc import Mapping
from typing import Any

from bedrock_lab.cli.output import emit, warn

INFEASIBLE = 3


def plan_by_segment(
    trace: Any, prices: Any, by: str | None, file: str | None, asked: Mapping[str, Any], *, as_json: bool
) -> int:
    """Plan a trace by segment and print it; `file` is a TOML file of segments."""
    from bedrock_lab.planning.segments.reading import Asked, read_segments
    from bedrock_lab.planning.segments.segmenting import plan_segments
    from bedrock_lab.views import segments as tables

    read = Asked(segments=()) if file is None else read_segments(file)
    found = plan_segments(
        trace, prices, by=by if by is not None else read.by, segments=read.segments, units=read.units, **asked
    )
    warn(found.warnings)
    parts = {
        "Segments": tables.segments_table(found),
        "Shared capacity": tables.shared_table(found),
        "What each was set against": tables.compared_table(found),
        "What would change this answer": tables.flips_table(found),
        "How to act": tables.actions_table(found),
        "What is assumed": tables.assumptions_table(found),
    }
    text = "\n\n".join([found.answer, *(f"{title}\n{table}" for title, table in parts.items() if table.rows)])
    emit(found.to_dict(), text, as_json=as_json)
    return INFEASIBLE if found.decision == "infeasible" else 0
