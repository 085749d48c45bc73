"""``route``: what policies of routing are worth on labels."""

from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_lab.cli.output import (
    DATE,
    JSON,
    OVERLAY,
    REGION,
    chosen_region,
    chosen_seed,
    count,
    emit,
    load_prices,
    number,
    pairs,
    warn,
)
from bedrock_lab.errors import InputError

if TYPE_CHECKING:
    from bedrock_lab.route.metrics import Figure
    from bedrock_lab.route.result import Evaluation

app = typer.Typer(help="Routing: the cheapest model that is good enough, as far as measured quality carries it.")


@app.callback()
def root() -> None:
    """Hold the commands."""


@app.command("evaluate")
def evaluate(
    labels: Annotated[
        str, typer.Argument(metavar="LABELS", help="Prompts with the quality of both models: parquet, CSV, JSON lines.")
    ],
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            help="best-single, random, word_count, keywords, task, tfidf, knn_gain or a file; several by comma.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--columns", help="prompt=P,weak=W,strong=S and task=, input_tokens=, ... where there."),
    ] = None,
    folds: Annotated[
        str | None, typer.Option("--folds", help="shuffled or grouped by task (default: both where tasks are named).")
    ] = None,
    quality: float | None = number("--quality", "Mean quality wanted [0..1]."),
    gap: float | None = number("--gap", "Or: share of the way from the weak to the strong model (default 0.8)."),
    weak_model: Annotated[str | None, typer.Option("--weak-model", help="Bedrock id whose prices hold.")] = None,
    strong_model: Annotated[str | None, typer.Option("--strong-model", help="Bedrock id whose prices hold.")] = None,
    output_tokens: int | None = count("--output-tokens", "Of an answer, where the labels do not say."),
    save: Annotated[str | None, typer.Option("--save", metavar="FILE", help="Write the recommended policy.")] = None,
    region: str | None = REGION,
    seed: int | None = count("--seed", "Of folds and intervals."),
    overlay: str | None = OVERLAY,
    date: str | None = DATE,
    json: bool = JSON,
) -> None:
    """Measure policies on prompts they have not seen, and choose a threshold for the one that may be used."""
    from bedrock_lab.route.evaluation import evaluate_routes
    from bedrock_lab.route.labels import read_labels

    if output_tokens is not None and output_tokens < 0:
        raise InputError(f"--output-tokens {output_tokens}: allowed is 0 or more")
    found = evaluate_routes(
        read_labels(labels, pairs(columns, "--columns") if columns else None),
        policy.split(",") if policy else None,
        folds=folds,
        quality=quality,
        gap=gap,
        weak_model=weak_model,
        strong_model=strong_model,
        output_tokens=output_tokens,
        region=chosen_region(region),
        prices=load_prices(date, overlay) if weak_model or strong_model else None,
        seed=chosen_seed(seed),
    )
    warn(found.warnings)
    if save and found.recommended is not None:
        warn([f"{found.recommended.policy.save(save)}: the policy, with its threshold"])
    elif save:
        warn([f"{save} is not written: nothing is recommended"])
    emit(found.to_dict(), in_words(found), as_json=json)


def in_words(found: "Evaluation") -> str:
    """Write an evaluation for people."""
    from bedrock_lab.views.text import in_columns

    def shown(figure: "Figure") -> str:
        if figure.value is None:
            return "-"
        sure = "" if figure.lo is None else f" ({figure.lo:.3f} to {figure.hi:.3f})"
        return f"{figure.value:.3f}{sure}"

    points = [
        (
            p.name,
            f"{p.share:.1%}",
            f"{p.quality.value:.4f} ({p.quality.lo:.4f} to {p.quality.hi:.4f})",
            "-" if p.usd is None else f"{1000 * p.usd.value:.4f}",
        )
        for p in found.points
    ]
    rows = [
        (j.policy, kind, shown(m.apgr), shown(m.cpt50), shown(m.cpt80), shown(m.aiq))
        for kind in found.kinds
        for j in sorted(found.policies, key=lambda j: -(j.folds[kind].apgr.value or 0.0))
        for m in (j.folds[kind],)
    ]
    alone = f"The strong model is better on {found.strong_needed_share:.1%} of prompts, the weak one on "
    return "\n\n".join(
        [
            found.answer,
            alone + f"{found.weak_alone_share:.1%}.",
            in_columns(("", "strong", "quality", "USD/1k"), points),
            in_columns(("policy", "folds", "apgr", "cpt50", "cpt80", "aiq"), rows),
            found.definition,
        ]
    )
