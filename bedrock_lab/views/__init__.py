"""What people look at: charts, tables, report pages, and the runner that makes a report of a notebook."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bedrock_lab.views.batch import batch_answer as batch_answer
    from bedrock_lab.views.batch import batch_comparison as batch_comparison
    from bedrock_lab.views.batch import batch_input as batch_input
    from bedrock_lab.views.batch import batch_jobs_table as batch_jobs_table
    from bedrock_lab.views.batch import batch_results_table as batch_results_table
    from bedrock_lab.views.batch import batch_ways_chart as batch_ways_chart
    from bedrock_lab.views.batch import batch_ways_table as batch_ways_table
    from bedrock_lab.views.bills import bill_answer as bill_answer
    from bedrock_lab.views.bills import bill_chart as bill_chart
    from bedrock_lab.views.bills import bill_days_chart as bill_days_chart
    from bedrock_lab.views.bills import bill_lines_table as bill_lines_table
    from bedrock_lab.views.bills import causes_chart as causes_chart
    from bedrock_lab.views.bills import causes_table as causes_table
    from bedrock_lab.views.bills import cells_table as cells_table
    from bedrock_lab.views.charts import demand_chart as demand_chart
    from bedrock_lab.views.charts import load_duration_chart as load_duration_chart
    from bedrock_lab.views.costs import candidates_chart as candidates_chart
    from bedrock_lab.views.costs import savings_chart as savings_chart
    from bedrock_lab.views.decision import answer as answer
    from bedrock_lab.views.decision import report as report
    from bedrock_lab.views.prefixes import advice_table as advice_table
    from bedrock_lab.views.prefixes import cache_answer as cache_answer
    from bedrock_lab.views.prefixes import gaps_chart as gaps_chart
    from bedrock_lab.views.prefixes import policies_chart as policies_chart
    from bedrock_lab.views.prefixes import policies_table as policies_table
    from bedrock_lab.views.prefixes import prefixes_table as prefixes_table
    from bedrock_lab.views.prefixes import ttl_chart as ttl_chart
    from bedrock_lab.views.quota import headroom_chart as headroom_chart
    from bedrock_lab.views.quota import limits_table as limits_table
    from bedrock_lab.views.quota import quota_advice_table as quota_advice_table
    from bedrock_lab.views.quota import quota_answer as quota_answer
    from bedrock_lab.views.quota import throttle_map as throttle_map
    from bedrock_lab.views.quota import variants_table as variants_table
    from bedrock_lab.views.risks import backtest_chart as backtest_chart
    from bedrock_lab.views.risks import flips_chart as flips_chart
    from bedrock_lab.views.risks import regret_chart as regret_chart
    from bedrock_lab.views.risks import tornado_chart as tornado_chart
    from bedrock_lab.views.routing import leakage_chart as leakage_chart
    from bedrock_lab.views.routing import models_table as models_table
    from bedrock_lab.views.routing import points_table as points_table
    from bedrock_lab.views.routing import routes_chart as routes_chart
    from bedrock_lab.views.routing import routing_answer as routing_answer
    from bedrock_lab.views.routing import routing_basis_table as routing_basis_table
    from bedrock_lab.views.routing import shortening_chart as shortening_chart
    from bedrock_lab.views.routing import shortening_table as shortening_table
    from bedrock_lab.views.routing import thresholds_table as thresholds_table
    from bedrock_lab.views.screening import cash_flow_chart as cash_flow_chart
    from bedrock_lab.views.screening import pareto_chart as pareto_chart
    from bedrock_lab.views.screening import screening_chart as screening_chart
    from bedrock_lab.views.speed import course_chart as course_chart
    from bedrock_lab.views.speed import distortion_table as distortion_table
    from bedrock_lab.views.speed import latency_chart as latency_chart
    from bedrock_lab.views.speed import percentiles_table as percentiles_table
    from bedrock_lab.views.speed import speed_answer as speed_answer
    from bedrock_lab.views.speed import spending_table as spending_table
    from bedrock_lab.views.tables import actions_table as actions_table
    from bedrock_lab.views.tables import assumptions_table as assumptions_table
    from bedrock_lab.views.tables import backtest_table as backtest_table
    from bedrock_lab.views.tables import candidates_table as candidates_table
    from bedrock_lab.views.tables import finance_table as finance_table
    from bedrock_lab.views.tables import flips_table as flips_table
    from bedrock_lab.views.tables import not_offered_table as not_offered_table
    from bedrock_lab.views.tables import prices_table as prices_table
    from bedrock_lab.views.tables import traffic_table as traffic_table
    from bedrock_lab.views.units import break_even_table as break_even_table
    from bedrock_lab.views.units import coverage_chart as coverage_chart
    from bedrock_lab.views.units import falling_table as falling_table
    from bedrock_lab.views.units import unit_facts_table as unit_facts_table
    from bedrock_lab.views.units import unit_size_chart as unit_size_chart
    from bedrock_lab.views.units import units_answer as units_answer
    from bedrock_lab.views.units import units_cost_chart as units_cost_chart

_HOME = {
    "batch_answer": "batch",
    "batch_comparison": "batch",
    "batch_input": "batch",
    "batch_jobs_table": "batch",
    "batch_results_table": "batch",
    "batch_ways_chart": "batch",
    "batch_ways_table": "batch",
    "bill_answer": "bills",
    "bill_chart": "bills",
    "bill_days_chart": "bills",
    "bill_lines_table": "bills",
    "causes_chart": "bills",
    "causes_table": "bills",
    "cells_table": "bills",
    "candidates_chart": "costs",
    "savings_chart": "costs",
    "demand_chart": "charts",
    "load_duration_chart": "charts",
    "answer": "decision",
    "report": "decision",
    "advice_table": "prefixes",
    "cache_answer": "prefixes",
    "gaps_chart": "prefixes",
    "policies_chart": "prefixes",
    "policies_table": "prefixes",
    "prefixes_table": "prefixes",
    "ttl_chart": "prefixes",
    "headroom_chart": "quota",
    "limits_table": "quota",
    "quota_advice_table": "quota",
    "quota_answer": "quota",
    "throttle_map": "quota",
    "variants_table": "quota",
    "backtest_chart": "risks",
    "cash_flow_chart": "screening",
    "flips_chart": "risks",
    "regret_chart": "risks",
    "leakage_chart": "routing",
    "models_table": "routing",
    "points_table": "routing",
    "routes_chart": "routing",
    "routing_answer": "routing",
    "routing_basis_table": "routing",
    "shortening_chart": "routing",
    "shortening_table": "routing",
    "thresholds_table": "routing",
    "screening_chart": "screening",
    "pareto_chart": "screening",
    "tornado_chart": "risks",
    "course_chart": "speed",
    "distortion_table": "speed",
    "latency_chart": "speed",
    "percentiles_table": "speed",
    "speed_answer": "speed",
    "spending_table": "speed",
    "actions_table": "tables",
    "assumptions_table": "tables",
    "candidates_table": "tables",
    "flips_table": "tables",
    "backtest_table": "tables",
    "finance_table": "tables",
    "not_offered_table": "tables",
    "prices_table": "tables",
    "traffic_table": "tables",
    "break_even_table": "units",
    "coverage_chart": "units",
    "falling_table": "units",
    "unit_facts_table": "units",
    "unit_size_chart": "units",
    "units_answer": "units",
    "units_cost_chart": "units",
}

__all__ = [
    "actions_table",
    "advice_table",
    "answer",
    "assumptions_table",
    "backtest_chart",
    "backtest_table",
    "batch_answer",
    "batch_comparison",
    "batch_input",
    "batch_jobs_table",
    "batch_results_table",
    "batch_ways_chart",
    "batch_ways_table",
    "bill_answer",
    "bill_chart",
    "bill_days_chart",
    "bill_lines_table",
    "break_even_table",
    "cache_answer",
    "candidates_chart",
    "candidates_table",
    "cash_flow_chart",
    "causes_chart",
    "causes_table",
    "cells_table",
    "course_chart",
    "coverage_chart",
    "demand_chart",
    "distortion_table",
    "falling_table",
    "finance_table",
    "flips_chart",
    "flips_table",
    "gaps_chart",
    "headroom_chart",
    "latency_chart",
    "leakage_chart",
    "limits_table",
    "load_duration_chart",
    "models_table",
    "not_offered_table",
    "pareto_chart",
    "percentiles_table",
    "points_table",
    "policies_chart",
    "policies_table",
    "prefixes_table",
    "prices_table",
    "quota_advice_table",
    "quota_answer",
    "regret_chart",
    "report",
    "routes_chart",
    "routing_answer",
    "routing_basis_table",
    "savings_chart",
    "screening_chart",
    "shortening_chart",
    "shortening_table",
    "speed_answer",
    "spending_table",
    "thresholds_table",
    "throttle_map",
    "tornado_chart",
    "traffic_table",
    "ttl_chart",
    "unit_facts_table",
    "unit_size_chart",
    "units_answer",
    "units_cost_chart",
    "variants_table",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
