"""``doctor``: what is installed, which credentials and endpoints would be used; nothing is called but STS, if asked."""

import os
import platform
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bedrock_lab.cli import policies
from bedrock_lab.cli.output import ENDPOINT, JSON, PROFILE, REGION, emit, warn
from bedrock_lab.errors import InputError
from bedrock_lab.settings import DEFAULTS, setting

if TYPE_CHECKING:
    from bedrock_lab.sources.identity import Identity

PACKAGES = {
    "core": ("numpy", "pandas", "plotly", "pyarrow", "scipy", "typer"),
    "aws": ("boto3", "botocore"),
    "batch": ("boto3", "msgspec", "orjson"),
    "cache": ("boto3", "cryptography", "orjson", "redis"),
    "logs": ("isal", "msgspec"),
    "local": ("httptools", "orjson", "uvicorn", "uvloop"),
    "notebooks": ("ipykernel", "ipywidgets", "jupyterlab", "papermill"),
    "test": ("hypothesis", "nbval", "playwright", "pytest"),
}


def doctor(
    policy: Annotated[
        str | None,
        typer.Option("--policy", help=f"Show the smallest IAM policy instead: {', '.join(policies.KNOWN)}."),
    ] = None,
    model: Annotated[str, typer.Option("--model", help="The model that is called.")] = policies.MODEL,
    s3: Annotated[
        str, typer.Option("--s3", help="Where batch jobs read and write, or the invocation log lies.")
    ] = policies.PLACE,
    cache: Annotated[str, typer.Option("--cache", help="The table of cached answers.")] = policies.TABLE,
    create: Annotated[bool, typer.Option("--create", help="Make that table, if there is none.")] = False,
    enable_logging: Annotated[
        bool, typer.Option("--enable-logging", help="Print the calls that switch the invocation log on; none is run.")
    ] = False,
    identity: Annotated[
        bool, typer.Option("--identity", help="Ask STS whether the credentials work; one call, which bills nothing.")
    ] = False,
    identities: Annotated[bool, typer.Option("--identities", help="Show the account and the ARN STS names.")] = False,
    region: str | None = REGION,
    endpoint_url: str | None = ENDPOINT,
    profile: str | None = PROFILE,
    json: bool = JSON,
) -> None:
    """Say what is installed and which credentials and endpoints would be used, without calling AWS."""
    alone = {"--policy": policy is not None or create, "--enable-logging": enable_logging}
    if identities and not identity:
        raise InputError("--identities goes with --identity, which asks STS")
    if identity and any(alone.values()):
        raise InputError(f"--identity stands alone: leave out {' and '.join(n for n, given in alone.items() if given)}")
    asked = policies.Asked(model=model, cache=cache, s3=s3, region=region)
    if enable_logging:
        if policy is not None or create:
            raise InputError("--enable-logging stands alone: leave out --policy and --create")
        policies.show_logging(asked, as_json=json)
        return
    if policy is not None or create:
        policies.show(policy, asked, create=create, as_json=json)
        return
    held = credentials(os.environ, Path.home(), profile)
    beside = credentials({k: v for k, v in os.environ.items() if k != "AWS_BEARER_TOKEN_BEDROCK"}, Path.home(), profile)
    who = None
    if identity:
        from bedrock_lab.sources.identity import caller

        warn(["asking STS who these credentials are (GetCallerIdentity, free)"])
        place = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or asked.place
        who = caller(region=place, profile=profile, endpoint_url=endpoint_url, identities=identities)
    found = {
        "python": platform.python_version(),
        "packages": {group: {name: _version(name) for name in names} for group, names in PACKAGES.items()},
        "credentials": held,
        "identity": None if who is None else who.to_dict(),
        "traffic": paths(beside["source"] or held["source"], who),
        "region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        "endpoints": {k: v for k, v in sorted(os.environ.items()) if k.startswith("AWS_ENDPOINT_URL")},
        "settings": {name: setting(name) for name in DEFAULTS},
    }
    emit(found, _text(found), as_json=json)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def credentials(env: Any, home: Path, chosen: str | None = None) -> dict[str, Any]:
    """Say where the SDK would find credentials first; no value is read out, nothing is asked for.

    An instance role is not looked for: that would be a call. `chosen` is a profile that was named.
    """
    if env.get("AWS_BEARER_TOKEN_BEDROCK") and not chosen:
        return {"source": "Bedrock API key in the environment", "profile": None}
    profile = chosen or env.get("AWS_PROFILE") or env.get("AWS_DEFAULT_PROFILE")
    if env.get("AWS_ACCESS_KEY_ID") and not profile:
        return {"source": "environment", "profile": None}
    if env.get("AWS_WEB_IDENTITY_TOKEN_FILE") and not profile:
        return {"source": "web identity token file", "profile": None}
    wanted = profile or "default"
    for variable, name in (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")):
        path = Path(env.get(variable) or home / ".aws" / name)
        if wanted in _profiles(path):
            return {"source": f"{name} file", "profile": wanted}
    if env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return {"source": "container", "profile": None}
    return {"source": None, "profile": profile}


WAYS = {
    "metrics": ("trace from-cloudwatch OUT.parquet", "read", ("boto3",)),
    "logs": (
        "trace profile s3://bucket/prefix/, where logging is on (doctor --enable-logging)", "logs",
        ("boto3", "isal", "msgspec"),
    ),
    "bill": ("bill s3://bucket/report/, or bill --cost-explorer", "bill", ("boto3",)),
}  # fmt: skip
"""Ways to one's own traffic and bill: the command, the policy to attach, what has to be installed."""


def paths(source: str | None, who: "Identity | None" = None) -> dict[str, dict[str, Any]]:
    """Say which ways to one's own traffic and bill the credentials can open, as far as STS and a look at them say.

    What a policy allows neither says: only that there are no credentials, that they are of Bedrock alone, or the root
    user's. With `who` they are known to work.
    """
    allowed, why = (
        "unknown",
        "whether the credentials work doctor --identity asks; what their policies allow is not asked",
    )
    if who is not None and who.kind == "root":
        allowed, why = "yes", "the root user may do everything, unless the organisation forbids it"
    elif who is not None:
        why = f"the credentials work ({who.words}); STS does not say what its policies allow: attach the one named"
    elif source is None:
        allowed, why = "no", "there are no credentials (an instance role is not looked for without --identity)"
    elif source.startswith("Bedrock API key"):
        allowed, why = "no", "a Bedrock API key calls models and nothing else"
    return {
        name: {
            "allowed": allowed,
            "why": why,
            "how": f"{command}; rights: doctor --policy {policy}",
            "policy": f"bedrock-lab doctor --policy {policy}",
            "missing": [package for package in packages if _version(package) is None],
        }
        for name, (command, policy, packages) in WAYS.items()
    }


def _profiles(path: Path) -> set[str]:
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except Exception:  # noqa: BLE001 - a file the SDK cannot read holds no credentials
        return set()
    return {section.removeprefix("profile ").strip() for section in parser.sections()}


def _text(found: dict[str, Any]) -> str:
    lines = [f"python {found['python']}"]
    for group, names in found["packages"].items():
        missing = [n for n, v in names.items() if v is None]
        held = ", ".join(f"{n} {v}" for n, v in names.items() if v)
        lines.append(f"{group}: {held or 'nothing'}" + (f"; missing: {', '.join(missing)}" if missing else ""))
    source = found["credentials"]["source"]
    profile = found["credentials"]["profile"]
    named = f", profile {profile}" if profile else ""
    lines.append(f"credentials: {source or 'none found (an instance role is not looked for)'}{named}")
    who = found["identity"]
    if who is not None:
        lines.append(f"STS: {who['kind']} in account {who['account']}" + (f", {who['arn']}" if who["arn"] else ""))
    for name, way in found["traffic"].items():
        lacking = f"; not installed: {', '.join(way['missing'])}" if way["missing"] else ""
        lines.append(f"traffic by {name}: {way['allowed']}; {way['why']}: {way['how']}{lacking}")
    lines.append(f"AWS Region: {found['region'] or 'not set'}")
    lines += [f"endpoint {name}: {value}" for name, value in found["endpoints"].items()]
    lines += [f"setting {name}: {value}" for name, value in found["settings"].items() if value is not None]
    return "\n".join(lines)
