"""What people look at: charts, tables, report pages, and the runner that makes a report of a notebook."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bedrock_lab.views.charts import demand_chart as demand_chart
    from bedrock_lab.views.charts import load_duration_chart as load_duration_chart
    from bedrock_lab.views.costs import candidates_chart as candidates_chart
    from bedrock_lab.views.decision import answer as answer
    from bedrock_lab.views.decision import report as report
    from bedrock_lab.views.tables import actions_table as actions_table
    from bedrock_lab.views.tables import assumptions_table as assumptions_table
    from bedrock_lab.views.tables import candidates_table as candidates_table
    from bedrock_lab.views.tables import flips_table as flips_table
    from bedrock_lab.views.tables import not_offered_table as not_offered_table
    from bedrock_lab.views.tables import prices_table as prices_table
    from bedrock_lab.views.tables import traffic_table as traffic_table

_HOME = {
    "candidates_chart": "costs",
    "demand_chart": "charts",
    "load_duration_chart": "charts",
    "answer": "decision",
    "report": "decision",
    "actions_table": "tables",
    "assumptions_table": "tables",
    "candidates_table": "tables",
    "flips_table": "tables",
    "not_offered_table": "tables",
    "prices_table": "tables",
    "traffic_table": "tables",
}

__all__ = [
    "actions_table",
    "answer",
    "assumptions_table",
    "candidates_chart",
    "candidates_table",
    "demand_chart",
    "flips_table",
    "load_duration_chart",
    "not_offered_table",
    "prices_table",
    "report",
    "traffic_table",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
