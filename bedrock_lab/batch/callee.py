"""What an input is prepared for: the model, where and how a job calls it, and what forbids a job."""

import dataclasses
from collections.abc import Callable

from bedrock_lab.batch.bodies import CONVERSE, INVOKE, KINDS, UNKNOWN, Form, form_of
from bedrock_lab.catalogue import places
from bedrock_lab.catalogue.model import CONTEXT, Model, invocable, lifecycle, resolve, sent_id
from bedrock_lab.catalogue.offers import offer
from bedrock_lab.catalogue.pricelist import Prices
from bedrock_lab.catalogue.target import lifecycle_warning, target
from bedrock_lab.client.naming import PROVISIONED, Named, opaque, without_accounts
from bedrock_lab.errors import InputError, listing

MAX_TOKENS = 1024
Asker = Callable[[str], Named]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """A model a job can call.

    Attributes
    ----------
    sent_id
        The id a job is made with.
    availability, reason
        Of batch inference there: yes, unknown or no, and how that is known.
    """

    model: Model
    model_id: str
    sent_id: str
    region: str
    scope: str
    availability: str
    reason: str
    warnings: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How records are written.

    Attributes
    ----------
    kind
        What a job calls: InvokeModel or Converse.
    max_tokens
        Of records that name none [tokens].
    longest
        The most the model answers [tokens]; None where nobody says.
    context
        The most it reads [tokens]; None where nobody says.
    """

    kind: str
    form: Form
    max_tokens: int
    longest: int | None
    context: int | None


def callee(
    model_id: str,
    prices: Prices,
    region: str | None,
    scope: str | None,
    *,
    without_batch: bool = False,
    ask: Asker | None = None,
) -> Callee:
    """Resolve what jobs call.

    Parameters
    ----------
    without_batch
        Whether a model may be one that has no batch inference: to compare prices.
    ask
        Tells which model an application profile serves; None where nobody may be asked.

    Raises
    ------
    InputError
        The model is unknown, past its end of life, has no batch inference, or cannot be called in that scope.
    """
    where = places.region(region).name if region is not None else None
    if opaque(model_id):
        return _of_profile(model_id, prices, where, scope, without_batch=without_batch, ask=ask)
    found = target(model_id, region=where, scope=scope)
    ref = resolve(model_id)
    life = lifecycle(found.model.id)
    if life.state == "EOL":
        instead = f"; its replacement: {life.replacement}" if life.replacement else ""
        raise InputError(f"model {model_id!r}: {found.model.id} passed its end of life on {life.eol}{instead}")
    if CONTEXT.search(model_id):
        raise InputError(f"model {model_id!r}: an id with a context suffix is of provisioned throughput; leave it out")
    if invocable(found.model.id).get(found.scope) == "no":
        raise InputError(f"model {model_id!r}: {found.warnings[-1]}")
    sold = offer(prices, found.model.id, "batch", found.region, found.scope)
    if sold.availability == "no" and not without_batch:
        raise InputError(f"model {model_id!r} has no batch inference ({found.scope}, {found.region}): {sold.reason}")
    sent = sent_id(ref)
    if ref.prefix is None and found.scope != places.IN_REGION:
        profile = found.model.profile_id(found.scope, found.region)
        if profile is None:
            known = listing([i for i in found.model.ids if i.partition(".")[0] in places.prefixes()]) or "none"
            raise InputError(
                f"model {model_id!r} has no {found.scope} profile in {found.region}; its profiles: {known}"
            )
        sent = profile
    unsure = (
        f"batch inference of {found.model.id} ({found.scope}, {found.region}): {sold.reason}; AWS may refuse the job"
    )
    notes = (
        *found.warnings,
        *prices.notes,
        lifecycle_warning(found.model.id, prices),
        unsure if sold.availability == "unknown" else None,
    )
    return Callee(
        model=found.model,
        model_id=model_id,
        sent_id=sent,
        region=found.region,
        scope=found.scope,
        availability=sold.availability,
        reason=sold.reason,
        warnings=tuple(note for note in notes if note),
    )


def _of_profile(
    model_id: str, prices: Prices, region: str | None, scope: str | None, *, without_batch: bool, ask: Asker | None
) -> Callee:
    """Resolve an application profile: its model is priced, its ARN is sent."""
    if opaque(model_id) in PROVISIONED:
        raise InputError(
            f"model {without_accounts(model_id)!r}: batch jobs do not run on provisioned units; give the model's own id"
        )
    if ask is None:
        raise InputError(
            f"model {without_accounts(model_id)!r}: only AWS knows which model a profile of yours serves; bedrock-lab "
            "batch run asks, or give the model's own id"
        )
    named = ask(model_id)
    if named.model is None:
        raise InputError(f"model {without_accounts(model_id)!r}: {named.note or 'serves no model of the catalogue'}")
    served = callee(named.model, prices, named.region or region, scope or named.scope, without_batch=without_batch)
    return dataclasses.replace(served, model_id=model_id, sent_id=model_id)


def kind_for(model: str, first: object) -> str:
    """Choose what jobs call by the first record: Converse for messages and where no body is known, else InvokeModel.

    >>> kind_for("amazon.nova-lite", {"messages": []}), kind_for("zai.glm-5", {"prompt": "Hi"})
    ('Converse', 'Converse')
    >>> kind_for("amazon.nova-lite", {"prompt": "Hi"})
    'InvokeModel'
    """
    if isinstance(first, dict) and "modelInput" in first:
        return INVOKE
    if isinstance(first, dict) and "messages" in first:
        return CONVERSE
    return CONVERSE if form_of(model).name == UNKNOWN.name else INVOKE


def wanted(callee: Callee, kind: str, max_tokens: int) -> Wanted:
    """Settle how records are written.

    Raises
    ------
    InputError
        The kind is unknown, or no record may ask for so many tokens.
    """
    if kind not in KINDS:
        raise InputError(f"--kind {kind!r}: allowed are {' and '.join(KINDS)}")
    longest = callee.model.max_output_tokens
    if type(max_tokens) is not int or max_tokens < 1:
        raise InputError(f"--max-tokens {max_tokens}: allowed is a whole number from 1")
    form = form_of(callee.model.id, kind)
    if form.maximum and longest is not None and max_tokens > longest:
        raise InputError(f"--max-tokens {max_tokens}: {callee.model.id} answers {longest} tokens at most")
    if kind == CONVERSE and form_of(callee.model.id).embeds:
        raise InputError(f"--kind Converse: {callee.model.id} does not converse; allowed is InvokeModel")
    return Wanted(
        kind=kind,
        form=form,
        max_tokens=max_tokens,
        longest=longest if form.maximum else None,
        context=callee.model.context_tokens,
    )
