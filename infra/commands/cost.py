"""``streamkeeper cost``: what a month will cost, what to change first, and what breaks first."""

import json
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from glue.prices import read_prices
from glue.terminal.commands import command
from glue.terminal.errors import WrongUseError, exit_codes_help
from glue.terminal.requests import takes
from infra.cost import advice
from infra.cost.bill import bill, total
from infra.cost.deployed import deployed_settings
from infra.cost.traffic import Traffic, read_traffic
from infra.cost.units import units

LARGE_REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
_GROWTH = 10


class CostRequest(Struct, frozen=True):
    """The traffic, the deployment, and how the answer is printed."""

    rate: float | None
    size: int | None
    traffic: Path | None
    parameters: tuple[str, ...]
    on_demand: bool
    prices: Path | None
    quotas_of: str
    compare: bool
    as_json: bool


@command(
    epilog="""\b
Examples:
  streamkeeper cost --rate 1000 --size 321
  streamkeeper cost --rate 50 --parameter StreamRetentionHours=24 --compare
  streamkeeper cost --traffic traffic.toml --prices our-prices.toml --json

"""
    + exit_codes_help()
)
@takes(
    CostRequest,
    click.option("--rate", type=click.FloatRange(0, min_open=True), help="Events a second, on average."),
    click.option("--size", type=click.IntRange(1), help="Bytes of an event as JSON; 321 when nothing says otherwise."),
    click.option(
        "--traffic",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A TOML file with rate, size, peak, notice_share, aggregate and the other figures of your traffic.",
    ),
    click.option(
        "--parameter",
        "parameters",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter of the template, as it is deployed. May be repeated.",
    ),
    click.option("--on-demand", is_flag=True, help="A stream on demand instead of a provisioned one."),
    click.option(
        "--prices",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Another table of prices; copy glue/prices.toml.",
    ),
    click.option(
        "--quotas-of",
        default="us-east-1",
        show_default=True,
        metavar="REGION",
        help="Whose default quotas count.",
    ),
    click.option("--compare", is_flag=True, help="Also provisioned and on demand, with aggregation and without."),
    click.option(
        "--json", "as_json", is_flag=True, help="One JSON object: units, lines, total, changes, limits, variants."
    ),
)
def cost(context: click.Context, request: CostRequest) -> None:
    """Say what the stack costs in a month, what to change first, and what breaks first at ten times the load.

    From the template's parameters, a dated table of prices and figures of your traffic. Nothing is asked of AWS.
    """
    try:
        traffic = _traffic(request)
        prices = read_prices(request.prices)
        settings = deployed_settings(request.parameters, on_demand=request.on_demand)
    except ValueError as error:
        raise WrongUseError(str(error)) from error
    month = units(traffic, settings)
    lines = bill(month, settings, prices)
    changes = advice.changes(traffic, settings, prices)
    large = request.quotas_of in LARGE_REGIONS
    now = advice.limits(traffic, settings, large_region=large)
    grown = advice.limits(msgspec.structs.replace(traffic, rate=traffic.rate * _GROWTH), settings, large_region=large)
    variants = advice.variants(traffic, settings, prices) if request.compare else []
    events = month.records * traffic.aggregate
    if request.as_json:
        document = {
            "prices_as_of": prices.as_of,
            "traffic": traffic,
            "settings": settings,
            "units": month,
            "lines": lines,
            "total": total(lines),
            "a_million_events": total(lines) / events * 1e6,
            "changes": changes,
            "limits": now,
            f"limits_at_{_GROWTH}_times": grown,
            "variants": variants,
        }
        click.echo(json.dumps(msgspec.to_builtins(document)))
        return
    click.echo(f"{traffic.rate:,g} events/s of {traffic.size:,} bytes, 730 hours, prices as of {prices.as_of}\n")
    for line in lines:
        click.echo(f"{line.service:<12}{line.what:<26}{line.dollars:>12,.2f}  {line.because}")
    click.echo(f"{'total':<38}{total(lines):>12,.2f}  {total(lines) / events * 1e6:.3f} a million events")
    click.echo("Not in it: queries (Athena bills what they scan), KMS, data transfer, taxes, discounts, free tiers.\n")
    click.echo("What to change first (dollars a month, each alone):")
    for change in changes:
        click.echo(f"  {change.saves:>10,.2f}  {change.change}: {change.price}")
    if not changes:
        click.echo("  nothing saves a hundredth of it")
    click.echo(
        f"\nWhat breaks first (share of a new account's quota in {request.quotas_of}, now and at {_GROWTH} times):"
    )
    before = {limit.what: limit.used for limit in now}
    for limit in grown:
        click.echo(f"  {before[limit.what]:>7.0%} {limit.used:>8.0%}  {limit.what}: {limit.then}")
    if variants:
        click.echo("\nThe same month otherwise:")
        for one in variants:
            click.echo(
                f"  {one.dollars:>12,.2f}  {one.stream}, {one.aggregate} events a record: {one.a_million:.3f} a million"
            )


def _traffic(request: CostRequest) -> Traffic:
    if request.traffic is not None:
        return read_traffic(request.traffic, rate=request.rate, size=request.size)
    if request.rate is None:
        raise ValueError("--rate is missing: events a second, or a --traffic FILE that has one")
    return Traffic(rate=request.rate) if request.size is None else Traffic(rate=request.rate, size=request.size)
