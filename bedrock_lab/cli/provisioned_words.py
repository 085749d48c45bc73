"""How provisioned throughput is told to people: what is held, and what of it is wasted."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bedrock_lab.views.text import in_columns

if TYPE_CHECKING:
    from bedrock_lab.provisioned.held import Holding
    from bedrock_lab.provisioned.waste import Waste


def table(found: "Holding") -> str:
    """Set units in columns."""
    if not found:
        return "no provisioned throughput"
    told = [one.to_dict() for one in found]
    names = ("name", "id", "model_id", "units", "status", "term", "ends", "usd_per_hour")
    headers = ("name", "id", "model", "units", "status", "term", "ends or renews", "USD/h")
    return in_columns(headers, [tuple("" if one[n] is None else str(one[n]) for n in names) for one in told])


def pairs_of(found: Mapping[str, Any]) -> str:
    """Write values a line each."""
    return "\n".join(f"{name:18} {value}" for name, value in found.items() if value is not None)


def wasted_text(found: "Waste") -> str:
    """Set the use of units in columns, with what it rests on."""
    if not found.rows:
        return "no provisioned throughput"

    def cell(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    rows = [
        (
            row.units.name,
            row.verdict,
            f"{row.requests:,}",
            cell(row.utilisation, ".1%"),
            cell(row.usd_per_month, ",.2f"),
            cell(row.on_demand_usd_per_month, ",.2f"),
            cell(row.wasted_usd_per_month, ",.2f"),
            row.note,
        )
        for row in found.rows
    ]
    headers = ("name", "verdict", "requests", "in use", "USD/month", "on demand", "wasted", "note")
    return f"{in_columns(headers, rows)}\n\n{found.total}"
