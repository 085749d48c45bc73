"""Cost and latency of Amazon Bedrock: what traffic costs, which way of buying is cheapest, how sure that is.

>>> import bedrock_lab as lab
>>> trace = lab.from_averages(requests_per_month=3_000_000, input_mean=900, output_mean=150)
>>> plan = lab.plan(trace, lab.prices("2026-11-22"), model="amazon.nova-pro", option="on-demand,priority")
>>> plan.recommended.name
'on-demand'
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bedrock_lab import views as views
    from bedrock_lab.advice.advising import findings as findings
    from bedrock_lab.assumptions import Assumption as Assumption
    from bedrock_lab.batch.batch_job import BatchJob as BatchJob
    from bedrock_lab.billing import bill as bill
    from bedrock_lab.bills.example import example_bill as example_bill
    from bedrock_lab.bills.example import example_log as example_log
    from bedrock_lab.bills.reconciling import reconcile as reconcile
    from bedrock_lab.cache.response import ResponseCache as ResponseCache
    from bedrock_lab.catalogue.pricelist import prices as prices
    from bedrock_lab.client.budget import Budget as Budget
    from bedrock_lab.client.client import Client as Client
    from bedrock_lab.local.server import LocalAWS as LocalAWS
    from bedrock_lab.measuring.fitting import fit_latency as fit_latency
    from bedrock_lab.measuring.fitting import load_latency as load_latency
    from bedrock_lab.measuring.fitting import save_latency as save_latency
    from bedrock_lab.measuring.runner import measure as measure
    from bedrock_lab.planning.alternatives import compare as compare
    from bedrock_lab.planning.checking import simulate as simulate
    from bedrock_lab.planning.evaluating import evaluate as evaluate
    from bedrock_lab.planning.planner import plan as plan
    from bedrock_lab.planning.rechecking import check_plan as check_plan
    from bedrock_lab.planning.result import Plan as Plan
    from bedrock_lab.planning.segments.reading import read_segments as read_segments
    from bedrock_lab.planning.segments.segment import Segment as Segment
    from bedrock_lab.planning.segments.segment import Substitute as Substitute
    from bedrock_lab.planning.segments.segmenting import plan_segments as plan_segments
    from bedrock_lab.planning.sweeping import sweep as sweep
    from bedrock_lab.predict.latency_predict import predict_latency as predict_latency
    from bedrock_lab.predict.marking import mark as mark
    from bedrock_lab.predict.prefix_blocks import gaps_trace as gaps_trace
    from bedrock_lab.predict.prefix_economics import prompt_cache as prompt_cache
    from bedrock_lab.predict.quota_outlook import quota as quota
    from bedrock_lab.pricing import price as price
    from bedrock_lab.provisioned.provisioning import Provisioned as Provisioned
    from bedrock_lab.route.conversations import example_chats as example_chats
    from bedrock_lab.route.conversations import read_conversations as read_conversations
    from bedrock_lab.route.evaluation import evaluate_routes as evaluate_routes
    from bedrock_lab.route.example import example_labels as example_labels
    from bedrock_lab.route.labels import read_labels as read_labels
    from bedrock_lab.route.policy import load_policy as load_policy
    from bedrock_lab.route.router import Router as Router
    from bedrock_lab.route.shortening import shorten as shorten
    from bedrock_lab.route.squeezing import squeeze as squeeze
    from bedrock_lab.route.squeezing import squeeze_messages as squeeze_messages
    from bedrock_lab.route.trimming import trim as trim
    from bedrock_lab.sources.bills import read_bill as read_bill
    from bedrock_lab.sources.cloudwatch import from_cloudwatch as from_cloudwatch
    from bedrock_lab.sources.reading import read_trace as read_trace
    from bedrock_lab.traffic import Trace as Trace
    from bedrock_lab.traffic import Usage as Usage
    from bedrock_lab.traffic import example_trace as example_trace
    from bedrock_lab.traffic import from_averages as from_averages
    from bedrock_lab.traffic import profile as profile
    from bedrock_lab.traffic import synth as synth
    from bedrock_lab.traffic.conversations import example_conversations as example_conversations
    from bedrock_lab.views.decision import report as report
    from bedrock_lab.views.whatif.panel import what_if as what_if

_HOME = {
    "Assumption": "bedrock_lab.assumptions",
    "BatchJob": "bedrock_lab.batch.batch_job",
    "Budget": "bedrock_lab.client.budget",
    "Client": "bedrock_lab.client.client",
    "LocalAWS": "bedrock_lab.local.server",
    "Plan": "bedrock_lab.planning.result",
    "Provisioned": "bedrock_lab.provisioned.provisioning",
    "ResponseCache": "bedrock_lab.cache.response",
    "Router": "bedrock_lab.route.router",
    "Segment": "bedrock_lab.planning.segments.segment",
    "Substitute": "bedrock_lab.planning.segments.segment",
    "Trace": "bedrock_lab.traffic",
    "Usage": "bedrock_lab.traffic",
    "bill": "bedrock_lab.billing",
    "check_plan": "bedrock_lab.planning.rechecking",
    "evaluate": "bedrock_lab.planning.evaluating",
    "compare": "bedrock_lab.planning.alternatives",
    "evaluate_routes": "bedrock_lab.route.evaluation",
    "example_bill": "bedrock_lab.bills.example",
    "example_log": "bedrock_lab.bills.example",
    "example_chats": "bedrock_lab.route.conversations",
    "example_labels": "bedrock_lab.route.example",
    "example_conversations": "bedrock_lab.traffic.conversations",
    "example_trace": "bedrock_lab.traffic",
    "findings": "bedrock_lab.advice.advising",
    "fit_latency": "bedrock_lab.measuring.fitting",
    "from_averages": "bedrock_lab.traffic",
    "from_cloudwatch": "bedrock_lab.sources.cloudwatch",
    "gaps_trace": "bedrock_lab.predict.prefix_blocks",
    "load_latency": "bedrock_lab.measuring.fitting",
    "load_policy": "bedrock_lab.route.policy",
    "mark": "bedrock_lab.predict.marking",
    "measure": "bedrock_lab.measuring.runner",
    "plan": "bedrock_lab.planning.planner",
    "plan_segments": "bedrock_lab.planning.segments.segmenting",
    "predict_latency": "bedrock_lab.predict.latency_predict",
    "price": "bedrock_lab.pricing",
    "prices": "bedrock_lab.catalogue.pricelist",
    "profile": "bedrock_lab.traffic",
    "prompt_cache": "bedrock_lab.predict.prefix_economics",
    "quota": "bedrock_lab.predict.quota_outlook",
    "read_bill": "bedrock_lab.sources.bills",
    "read_conversations": "bedrock_lab.route.conversations",
    "read_labels": "bedrock_lab.route.labels",
    "read_segments": "bedrock_lab.planning.segments.reading",
    "read_trace": "bedrock_lab.sources.reading",
    "reconcile": "bedrock_lab.bills.reconciling",
    "report": "bedrock_lab.views.decision",
    "save_latency": "bedrock_lab.measuring.fitting",
    "shorten": "bedrock_lab.route.shortening",
    "simulate": "bedrock_lab.planning.checking",
    "squeeze": "bedrock_lab.route.squeezing",
    "squeeze_messages": "bedrock_lab.route.squeezing",
    "sweep": "bedrock_lab.planning.sweeping",
    "synth": "bedrock_lab.traffic",
    "trim": "bedrock_lab.route.trimming",
    "what_if": "bedrock_lab.views.whatif.panel",
}
"""Where each public name lives; nothing is imported before it is asked for."""

__version__ = "0.1.0"
__all__ = [*sorted(_HOME), "__version__", "views"]  # noqa: PLE0604 - the table above is the list


def __getattr__(name: str) -> Any:
    if name == "views":
        return importlib.import_module("bedrock_lab.views")
    if name not in _HOME:
        msg = f"module 'bedrock_lab' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
