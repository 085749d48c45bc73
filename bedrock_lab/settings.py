"""Where a setting comes from: a flag, else ``BEDROCK_LAB_<NAME>``, else ``bedrock-lab.toml``, else the default."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from bedrock_lab.errors import InputError, listing

FILE = "bedrock-lab.toml"

DEFAULTS: dict[str, str | None] = {
    "region": "us-east-1",
    "outputs": "outputs",
    "overlay": None,
    "prices": None,
    "seed": "0",
}
"""Every setting with its default; a name not listed here is refused wherever it stands."""


def read_file(path: Path) -> dict[str, str]:
    """Read the settings file; a missing one holds nothing."""
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML ({error})") from None
    unknown = sorted(set(table) - set(DEFAULTS))
    if unknown:
        raise InputError(f"{path}: unknown setting {unknown[0]!r}; known: {listing(sorted(DEFAULTS))}")
    return {name: str(value) for name, value in table.items()}


def setting(
    name: str,
    flag: str | None = None,
    *,
    env: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> str | None:
    """Resolve one setting.

    >>> setting("region", env={"BEDROCK_LAB_REGION": "eu-west-1"}, directory=Path("/nowhere"))
    'eu-west-1'
    >>> setting("region", "us-west-2", env={"BEDROCK_LAB_REGION": "eu-west-1"})
    'us-west-2'
    """
    if flag is not None:
        return flag
    env = os.environ if env is None else env
    from_env = env.get(f"BEDROCK_LAB_{name.upper()}")
    if from_env:
        return from_env
    return read_file((directory or Path()) / FILE).get(name, DEFAULTS[name])


def given(name: str, flag: str | None = None) -> bool:
    """Whether anybody chose the setting, so that its value is not just the default."""
    return flag is not None or bool(os.environ.get(f"BEDROCK_LAB_{name.upper()}")) or name in read_file(Path() / FILE)
