"""Since the last run: what changed, what the run was given otherwise, and what a difference in USD is due to."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from bedrock_lab.errors import InputError
from bedrock_lab.quote import plain
from bedrock_lab.spending.spent import read_spending
from bedrock_lab.spending.steps import ORDER, steps_between

SPEND = "spend"
"""Under this name a notebook's results carry `Spending.to_dict`, which is what a difference is attributed over."""

TOTAL = f"{SPEND}.total_usd"
MOST = 12


def figures(results: Mapping[str, Any]) -> dict[str, Decimal]:
    """Find the figures of an answer: numbers on its first two levels, and amounts written as texts.

    >>> figures({"n": 2, "a": {"cost_usd": "1.50", "name": "x"}, "ok": True, "list": [1]})
    {'n': Decimal('2'), 'a.cost_usd': Decimal('1.50')}
    """
    return dict(_figures(results, "", 2))


def _figures(values: Mapping[str, Any], path: str, depth: int) -> Iterator[tuple[str, Decimal]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and depth > 1:
            yield from _figures(value, f"{path}{name}.", depth - 1)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{path}{name}", Decimal(str(value))
        elif isinstance(value, str) and name.endswith("_usd"):
            try:
                yield f"{path}{name}", Decimal(value)
            except InvalidOperation:
                continue


def headline(results: Mapping[str, Any]) -> str | None:
    """Name the figure a report is followed by: what was spent, else its first amount, else its first number."""
    found = figures(results)
    if TOTAL in found:
        return TOTAL
    return next((name for name in found if "usd" in name), next(iter(found), None))


def since_last(runs: Iterable[tuple[str, Mapping[str, Any]]], record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Compare a run with the last good one before it; None where there is none."""
    last = list(runs)[-1:]
    if not last:
        return None
    stamp, before = last[0]
    was, now = figures(before["results"]), figures(record["results"])
    changed = [name for name in now if name in was and was[name] != now[name]]
    found: dict[str, Any] = {
        "stamp": stamp,
        "started": before["started"],
        "given_otherwise": list(_given_otherwise(before, record)),
        "figures": [{"name": n, "before": float(was[n]), "after": float(now[n])} for n in changed[:MOST]],
        "order": list(ORDER),
        "causes": [],
        "why_no_causes": None,
    }
    return found | _causes(before["results"].get(SPEND), record["results"].get(SPEND))


def _causes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, Any]:
    if before is None or after is None:
        return {"why_no_causes": "the results carry no spend by line"}
    try:
        was, now = read_spending(before), read_spending(after)
        steps = steps_between(was, now)
    except InputError as error:
        return {"why_no_causes": str(error)}
    difference = now.total_usd - was.total_usd
    return {
        "basis": now.basis,
        "before_usd": plain(was.total_usd),
        "after_usd": plain(now.total_usd),
        "difference_usd": plain(difference),
        "change_share": float(difference / was.total_usd) if was.total_usd else None,
        "causes": [step.to_dict() for step in steps],
    }


def gate_figures(since: Mapping[str, Any]) -> dict[str, Any]:
    """Name what a gate may look at: ``since.difference_usd``, ``since.change_share``, ``since.traffic_usd`` ..."""
    named = {name: since[name] for name in ("difference_usd", "change_share") if name in since}
    return named | {f"{step['cause']}_usd": step["usd"] for step in since["causes"]}


def sentence(since: Mapping[str, Any]) -> str:
    """Say in one sentence what changed."""
    day = since["started"][:10]
    if since["causes"]:
        off = Decimal(since["difference_usd"])
        share = since["change_share"]
        by = f" ({share:+.1%})" if share is not None else ""
        said = ", ".join(f"{s['cause']} {float(s['usd']):+,.2f}" for s in since["causes"] if Decimal(s["usd"]))
        return f"Since the run of {day}: {float(off):+,.2f} USD{by}" + (f": {said}." if said else ".")
    many = len(since["figures"])
    return f"Since the run of {day}: {many or 'no'} figure{'' if many == 1 else 's'} changed."


def _given_otherwise(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Say what the two runs were given differently."""
    old, new = before["parameters"], now["parameters"]
    for name, value in new.items():
        if name not in old:
            yield f"{name} is new: {value!r}"
        elif old[name] != value:
            yield f"{name}: {old[name]!r} before, {value!r} now"
    hashes = {i["parameter"]: i["sha256"] for i in before.get("inputs", ())}
    for read in now["inputs"]:
        known = hashes.get(read["parameter"])
        if known is not None and read["sha256"] is not None and known != read["sha256"]:
            yield f"{read['parameter']}: another content"
    if before.get("notebook_sha256") != now["notebook_sha256"]:
        yield "the notebook itself"
    was, versions = before["versions"].get("bedrock_lab"), now["versions"]["bedrock_lab"]
    if was != versions:
        yield f"bedrock_lab {was} before, {versions} now"
