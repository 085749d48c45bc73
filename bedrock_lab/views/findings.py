"""Findings as people read them."""

from bedrock_lab.advice.finding import Findings, money


def findings_text(found: Findings) -> str:
    """Write findings for a terminal: by USD a month, each with what to do, then what was not looked at."""
    priced = f"; priced by the token the trace comes to {money(found.usd_month)} a month" if found.usd_month else ""
    lines = [f"What is worth knowing{priced}:" if found.findings else f"Nothing worth saying was found{priced}."]
    for number, each in enumerate(found.findings, 1):
        lines += [f"{number}. {each.sentence}", f"   {each.do}"]
        if each.overlaps:
            others = ", ".join(other.partition(":")[0] for other in each.overlaps)
            lines.append(f"   ({each.id}; counts some of the same as {others})")
        else:
            lines.append(f"   ({each.id})")
    if found.nothing:
        lines.append(f"Looked for and not there: {', '.join(found.nothing)}")
    reasons: dict[str, list[str]] = {}
    for left in found.not_looked_at:
        reasons.setdefault(left.because, []).append(left.id)
    lines += ["Not looked at, because:"] if reasons else []
    lines += [f"   {', '.join(ids)}: {because}" for because, ids in reasons.items()]
    lines += [f"assumed: {a.name}, {a.source}" for a in found.assumptions]
    return "\n".join(lines)
