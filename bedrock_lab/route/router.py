"""`Router`: calls that a policy sends to a weak or a strong model, with a stated order of what stands in."""

import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bedrock_lab.cache.flight import Breaker
from bedrock_lab.catalogue.model import invocable, lifecycle, resolve
from bedrock_lab.catalogue.target import target
from bedrock_lab.client.answers import Answer, Stream
from bedrock_lab.client.asking import route_said
from bedrock_lab.client.client import Client
from bedrock_lab.client.record import OK, Record
from bedrock_lab.errors import InputError, LabError
from bedrock_lab.predict.text_tokens import MOST_BYTES
from bedrock_lab.route.decision import Decision, Routed, Shadow
from bedrock_lab.route.policy import Policy, named

BUSY = frozenset(
    {"ThrottlingException", "TooManyRequestsException", "ServiceUnavailableException", "ModelNotReadyException"}
)
"""Errors after which another model or scope may answer: quota, and shared capacity."""

REFUSED = frozenset(
    {
        *("guardrail_intervened", "content_filtered", "max_tokens", "model_context_window_exceeded"),
        *("malformed_model_output", "malformed_tool_use"),
    }
)
"""Stop reasons after which a cascade asks the strong model."""

MOST_CALLS = 4


class Router:
    """Sends each prompt to a weak or a strong model, and to what stands in where that one is busy.

    Parameters
    ----------
    client
        A `Client`; its budget, cache and sinks hold for every call. Its own retries come first: ``max_attempts=1``
        leaves them all to the router.
    policy
        A `Policy`, its file, or a function prompt -> score together with `threshold`; None for a cascade.
    weak, strong
        Model ids.
    instead
        What stands in for a model that is busy, in order: ids of the same model in another scope first, then of
        others. Unset, the other of the two.
    cascade
        Ask the weak model first, and the strong one where the answer stops short, is refused or fails `check`; both
        are paid.
    check
        Whether a weak answer's text will do.
    audit
        Share of calls that both models answer, so that quality can be watched; the one decided for is returned.
    most_calls
        Calls of one request, the shadow aside.
    breaker_after, rest_s
        Failures in a row after which a model is left alone, and for how long [s].
    seed
        Of which calls are audited.

    Raises
    ------
    InputError
        A model cannot be called, is past its end of life, or a value is out of range.
    """

    def __init__(
        self,
        client: Client,
        policy: Policy | str | Callable[[str], float] | None = None,
        *,
        weak: str,
        strong: str,
        threshold: float | None = None,
        instead: Mapping[str, Sequence[str]] | None = None,
        cascade: bool = False,
        check: Callable[[str], bool] | None = None,
        audit: float = 0.0,
        most_calls: int = MOST_CALLS,
        breaker_after: int = 3,
        rest_s: float = 5.0,
        seed: int = 0,
    ) -> None:
        if cascade == (policy is not None):
            raise InputError("give a policy, or cascade=True, not both and not neither")
        if check is not None and not cascade:
            raise InputError("check is of a cascade; give cascade=True")
        if not 0 <= audit <= 1:
            raise InputError(f"audit {audit:g}: allowed is a share from 0 to 1")
        if type(most_calls) is not int or most_calls < 1:
            raise InputError(f"most_calls {most_calls!r}: allowed is a whole number from 1")
        self.client, self.weak, self.strong = client, weak, strong
        self.policy = None if policy is None else named(policy)
        if self.policy is not None and threshold is not None:
            self.policy = dataclasses.replace(self.policy, threshold=threshold)
        if self.policy is not None and self.policy.threshold is None:
            raise InputError(f"policy {self.policy.name} has no threshold; give one (threshold=...)")
        self.cascade, self.check, self.audit, self.most_calls = cascade, check, audit, most_calls
        self.instead = {model: tuple(ids) for model, ids in (instead or {weak: (strong,), strong: (weak,)}).items()}
        self.context: dict[str, int | None] = {}
        for model_id in dict.fromkeys([weak, strong, *(i for ids in self.instead.values() for i in ids)]):
            self.context[model_id] = _checked(model_id, client.region)
        self.breakers = {model_id: Breaker(breaker_after, rest_s) for model_id in self.context}
        self.shadows: list[Shadow] = []
        self._draw = random.Random(seed)  # noqa: S311 - a sample, no secret

    def converse(self, *, task: str | None = None, **request: Any) -> Routed:
        """Call Converse with boto3's own arguments, without a modelId.

        Parameters
        ----------
        task
            The prompt's task, for a policy by task.

        Raises
        ------
        botocore.exceptions.ClientError
            What every model that was tried failed with, the last one's; others are raised as they come.
        InputError
            A modelId is given, or the prompt fits no model.
        LabError
            Every model that might be tried is left alone for now.
        """
        prompt = _asked(request)
        decision = self._decide(prompt, task)
        answer = self._called(decision, lambda m: self.client.converse(modelId=m, **request), request)
        if self.cascade and not self._will_do(answer):
            decision.escalated(self.strong, _why(answer))
            answer = self._called(decision, lambda m: self.client.converse(modelId=m, **request), request)
        if self.audit and self._draw.random() < self.audit:
            self._shadow(decision, answer, request)
        return Routed(answer, decision)

    def stream(self, *, task: str | None = None, **request: Any) -> Stream:
        """Call ConverseStream likewise; a stream that has begun is not sent elsewhere.

        A cascade cannot stream: whether an answer will do is known at its end.
        """
        if self.cascade:
            raise InputError("a cascade does not stream: whether an answer will do is known at its end; use converse")
        decision = self._decide(_asked(request), task)
        begun: Stream = self._called(decision, lambda m: self.client.stream(modelId=m, **request), request)
        return begun

    def _decide(self, prompt: str, task: str | None) -> Decision:
        if self.policy is None:
            return Decision(self.weak, "cascade: the weak model first", None)
        assert self.policy.threshold is not None
        score = self.policy.score(prompt, task)
        to_strong = score >= self.policy.threshold
        sign = ">=" if to_strong else "<"
        reason = f"{self.policy.name} {score:.4g} {sign} {self.policy.threshold:.4g}"
        return Decision(self.strong if to_strong else self.weak, reason, score)

    def _called(self, decision: Decision, call: Callable[[str], Any], request: Mapping[str, Any]) -> Any:
        """Call what was decided for, then what stands in, as long as they are busy and calls are left."""
        wanted = decision.model
        failure: Exception | None = None
        least = _least_tokens(request)
        for model in (wanted, *self.instead.get(wanted, ())):
            room = self.context[model]
            if room is not None and least > room:
                decision.passed(model, f"{least} tokens at least, its context holds {room}")
                continue
            if len(decision.attempts) >= self.most_calls:
                break
            if not self.breakers[model].lets():
                decision.passed(model, "left alone after failures in a row")
                continue
            try:
                with route_said(decision.said(model)):
                    answer = call(model)
            except Exception as error:
                record: Record | None = getattr(error, "record", None)
                code = record.error_code if record is not None else None
                decision.attempted(model, record)
                if code not in BUSY:
                    raise
                self.breakers[model].failed()
                failure = error
            else:
                self.breakers[model].passed()
                decision.attempted(model, answer.record)
                decision.model = model
                return answer
        if failure is not None:
            raise failure
        passed = "; ".join(f"{model}: {why}" for model, why in decision.left_out)
        if decision.attempts:
            raise LabError(f"no call is left of {self.most_calls} ({passed or 'most_calls'})")
        raise LabError(f"no model was called: {passed}")

    def _will_do(self, answer: Answer) -> bool:
        record = answer.record
        if record.outcome != OK or record.stop_reason in REFUSED or not answer.text.strip():
            return False
        return self.check is None or bool(self.check(answer.text))

    def _shadow(self, decision: Decision, answer: Answer, request: dict[str, Any]) -> None:
        """Ask the other model too, and keep what both came to; its failure changes nothing."""
        other = self.weak if decision.model == self.strong else self.strong
        try:
            with route_said("audit"):
                beside = self.client.converse(modelId=other, **request)
        except Exception as error:  # noqa: BLE001 - the answer is there; the audit is beside it
            record = getattr(error, "record", None)
            self.shadows.append(Shadow(decision.model, other, answer, None, answer.record, record))
        else:
            self.shadows.append(Shadow(decision.model, other, answer, beside, answer.record, beside.record))


def _checked(model_id: str, region: str | None) -> int | None:
    """Refuse a model that cannot be called; return its context [tokens], None where nobody says."""
    found = target(model_id, region=region)
    model = resolve(model_id).model
    life = lifecycle(model.id)
    if life.state == "EOL":
        instead = f"; its replacement: {life.replacement}" if life.replacement else ""
        raise InputError(f"model {model_id!r}: {model.id} passed its end of life on {life.eol}{instead}")
    if invocable(model.id).get(found.scope) == "no":
        raise InputError(f"model {model_id!r}: {found.warnings[-1]}")
    return model.context_tokens


def _asked(request: Mapping[str, Any]) -> str:
    """Return the text of the last message of the user."""
    if "modelId" in request:
        raise InputError("modelId: the router chooses it; leave it out")
    for message in reversed(request.get("messages", ())):
        if message.get("role") == "user":
            return "\n".join(block["text"] for block in message.get("content", ()) if "text" in block)
    return ""


def _least_tokens(request: Mapping[str, Any]) -> int:
    """Return what a request needs of a context at the very least [tokens]: its text at the most bytes a token has."""
    messages = [*request.get("system", ()), *(b for m in request.get("messages", ()) for b in m.get("content", ()))]
    size = sum(len(block["text"].encode("utf-8", "surrogatepass")) for block in messages if "text" in block)
    return int(size / MOST_BYTES) + int(request.get("inferenceConfig", {}).get("maxTokens") or 0)


def _why(answer: Answer) -> str:
    if answer.record.stop_reason in REFUSED:
        return f"cascade: the weak answer stopped by {answer.record.stop_reason}"
    return "cascade: the weak answer failed the check" if answer.text.strip() else "cascade: the weak answer is empty"
