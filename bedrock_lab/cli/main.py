"""``bedrock-lab``: commands, exit codes, and one line for every mistake.

Exit codes: 0 ok; 2 nothing was attempted, the input is wrong; 1 it was attempted and failed; 3 done, but a limit
or gate does not hold; 130 Ctrl-C.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer

from bedrock_lab import __version__
from bedrock_lab.cli import (
    alternatives,
    answers,
    batch,
    bills,
    capacity,
    doctor,
    endpoint,
    init,
    invoke,
    latency,
    market,
    measure,
    prefixes,
    price_files,
    provisioned,
    quota,
    reports,
    route,
    simulate,
    sweeps,
    traces,
)
from bedrock_lab.errors import LabError

HELP = """Cost and latency of Amazon Bedrock inference: what traffic costs, which way of buying is cheapest, how sure.

Every command prints its result on stdout, and one JSON object with --json; messages go to stderr.
"""

EXAMPLES = """Examples:

  bedrock-lab price --model amazon.nova-pro --input-tokens 1000000 --output-tokens 100000 --explain

  bedrock-lab trace profile requests.csv --columns time=T,input=I,output=O

  bedrock-lab plan requests.parquet --model us.anthropic.claude-sonnet-4-6 --deferrable 0.2

  bedrock-lab report notebooks/01_which_option.ipynb -p trace=requests.parquet
"""

app = typer.Typer(
    help=HELP,
    epilog=EXAMPLES,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bedrock-lab {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of a failure (anywhere on the line)."),
) -> None:
    """Hold the options every command has."""
    del version, debug  # --version ends in its callback, --debug is read before parsing


app.command("price")(market.price)
app.command("models")(market.models)
app.add_typer(market.prices_app, name="prices")
market.prices_app.command("overlay")(price_files.overlay)
market.prices_app.command("from-bill")(price_files.from_bill)
market.prices_app.command("refresh")(price_files.refresh)
market.prices_app.command("diff")(price_files.diff)
app.add_typer(traces.app, name="trace")
traces.app.command("from-bill")(bills.from_bill)
app.command("bill")(bills.bill)
app.command("reconcile")(bills.reconcile)
app.command("plan")(capacity.plan)
app.command("plan-check")(capacity.plan_check)
app.command("sweep")(sweeps.sweep)
app.command("simulate")(simulate.simulate)
app.command("compare")(alternatives.compare)
app.command("prompt-cache")(prefixes.prompt_cache)
app.command("quota")(quota.quota)
app.command("measure")(measure.measure)
app.add_typer(latency.app, name="latency")
app.command("init")(init.init)
app.command("report")(reports.report)
app.command("invoke")(invoke.invoke)
app.add_typer(answers.app, name="cache")
app.add_typer(batch.app, name="batch")
app.add_typer(provisioned.app, name="provisioned")
app.add_typer(route.app, name="route")
app.command("local")(endpoint.local)
app.command("doctor")(doctor.doctor)


def say(message: str) -> None:
    """Print one line on stderr."""
    print(f"bedrock-lab: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201 - this is the command line


def run(arguments: Sequence[str], *, debug: bool = False) -> int:  # noqa: PLR0911 - one way out for each ending
    """Run one command and return its exit code; every mistake is one line on stderr.

    With `debug` the traceback stands above the line.
    """
    command = typer.main.get_command(app)
    try:
        result: Any = command.main(args=list(arguments) or ["--help"], prog_name="bedrock-lab", standalone_mode=False)
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.format_message())
            return 0
        trace_back(debug=debug)
        context = getattr(error, "ctx", None)
        where = f" ({context.command_path} --help)" if context is not None else ""
        say(error.format_message() + where)
        return 2
    except LabError as error:
        trace_back(debug=debug)
        say(str(error))
        return error.exit_code
    except ModuleNotFoundError as error:
        trace_back(debug=debug)
        say(f"{error.name} is not installed; pip install 'bedrock-lab[notebooks]' brings what reports need")
        return 2
    except (typer.Abort, KeyboardInterrupt):
        say("stopped")
        return 130
    except BrokenPipeError:
        # whoever read the output has what it wanted; python would complain once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0


def trace_back(*, debug: bool) -> None:
    """Print the traceback of the error at hand where it is asked for."""
    if debug:
        traceback.print_exc()


def main() -> None:
    """Enter from the console script."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        code = run([a for a in arguments if a != "--debug"], debug=debug)
        sys.stdout.flush()
    except OSError as error:
        trace_back(debug=debug)
        say(f"{error.filename or 'output'}: {error.strerror}")
        code = 1
    except Exception as error:  # noqa: BLE001 - the last line of defence: a traceback helps nobody at a prompt
        trace_back(debug=debug)
        say(f"internal error, {type(error).__name__}: {error} (--debug shows where)")
        code = 1
    sys.exit(code)
