"""Plan the machines for a stream of videos.

    python -m pipelines.plan --videos-per-day 15000000 --seconds 30 [--profile gpu] [--prices prices.yaml]
    python -m pipelines.plan --calibrate costs.yaml        # measure this machine, to plan with --costs

From measured costs of every stage: nodes by kind, cost a day, the bottleneck, what
would change it most; then a simulation of the plan with skewed durations, crashes
and bursts.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mmu.closed_output import discard_output
from mmu.errors import USER_ERRORS, ConfigError
from pipelines.capacity import (
    DAY,
    Load,
    Plan,
    as_json,
    assumptions,
    cheapest,
    load_nodes,
    make_plan,
    sensitivity,
)
from pipelines.costs import Costs, load_costs, write_costs

_CHANGES_SHOWN = 6
_STAGES_SHOWN = 8


def build_parser() -> argparse.ArgumentParser:
    """The options of the planner."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.plan", description="Machines, cost and bottleneck for a stream of videos."
    )
    add = parser.add_argument
    add("--videos-per-day", type=float, help="videos that arrive in a day")
    add("--seconds", type=float, default=30.0, help="mean duration of a video (default: 30)")
    add("--profile", help="profile of networks (default: cpu; of a calibration that of --networks)")
    add("--prices", type=Path, help="kinds of nodes with prices (default: list prices)")
    add("--costs", type=Path, help="measured costs (default: the shipped ones)")
    add("--skip", default="", metavar="STAGES", help="leave out these stages")
    add("--peak", type=float, default=2.0, help="busiest hour over the mean one (default: 2)")
    add("--busy", type=float, default=0.7, help="how busy workers may be then (default: 0.7)")
    add("--mbps", type=float, default=2.0, help="megabits a second of video (default: 2)")
    add("--cores-per-worker", type=int, default=1, help="threads of a video (default: 1)")
    add("--videos-at-once", type=int, help="videos at once in a worker (default: the cheapest measured)")
    add("--skew", type=float, default=1.0, help="sigma of log-normal durations (default: 1)")
    add("--crashes", type=float, default=0.001, help="share that kills its worker (default: 0.001)")
    add(
        "--bursts",
        type=float,
        default=2.0,
        help="a burst over a minute at the peak (default: 2)",
    )
    add("--no-simulation", action="store_true", help="the plan only")
    add("--json", action="store_true", help="print JSON")
    add("--calibrate", type=Path, metavar="FILE", help="measure this machine, write its costs, end")
    add("--networks", type=Path, metavar="FILE", help="configuration of networks to calibrate with")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the planner; 0, or 2 on wrong usage."""
    args = build_parser().parse_args(argv)
    try:
        if args.calibrate:
            from pipelines.calibration import calibrate

            costs = calibrate(args.profile, networks=args.networks)
            write_costs(costs, args.calibrate)
            print(f"{args.calibrate}: measured, plan with --profile {costs.profile}", file=sys.stderr)
            return 0
        facts = run(args)
    except USER_ERRORS as error:
        print(f"mmu plan: {error}", file=sys.stderr)
        return 2
    try:
        print(json.dumps(facts, indent=1) if args.json else text(facts), flush=True)
    except BrokenPipeError:
        return discard_output()
    return 0


def run(args: argparse.Namespace) -> dict[str, Any]:
    """The plan, what would change it, and the simulation, as plain data.

    Raises:
        ConfigError: a number out of range, or a file that cannot be used.
    """
    if args.networks is not None:
        raise ConfigError("--networks goes with --calibrate FILE: a plan has the networks of its costs")
    if args.videos_per_day is None:
        raise ConfigError("say how many videos arrive with --videos-per-day N")
    load = Load(
        videos_per_day=args.videos_per_day,
        seconds=args.seconds,
        peak=args.peak,
        busy=args.busy,
        mbps=args.mbps,
        cores_per_worker=args.cores_per_worker,
        skip=tuple(args.skip.replace(",", " ").split()),
    )
    costs, nodes = load_costs(args.costs, args.profile or "cpu"), load_nodes(args.prices)
    choices: dict[int, float] = {}
    if args.videos_at_once is None:
        load, choices = cheapest(load, costs, nodes)
    else:
        load = replace(load, at_once=args.videos_at_once)
    plan = make_plan(load, costs, nodes)
    facts: dict[str, Any] = {
        "hardware": costs.hardware,
        "profile": costs.profile,
        "load": asdict(load),
        "plan": as_json(plan),
        "videos_at_once": {str(count): usd for count, usd in choices.items()},
        "assumed": assumptions(load, costs, plan, nodes),
        "changes": [{"change": name, "usd_day": usd} for name, usd in sensitivity(load, costs, nodes)],
    }
    if not args.no_simulation:
        facts["simulation"] = _simulated(args, load, plan, costs)
    return facts


def _simulated(args: argparse.Namespace, load: Load, plan: Plan, costs: Costs) -> dict[str, Any]:
    from pipelines.simulate import Scenario, simulate

    scenario = Scenario(
        workers=plan.pool.workers * load.at_once,
        cores_per_worker=load.cores_per_worker,
        rate=load.peak * load.videos_per_day / DAY,
        seconds=load.seconds,
        skew=args.skew,
        crashes=args.crashes,
        bursts=args.bursts,
    )
    return asdict(simulate(scenario, costs.with_at_once(load.at_once), skip=load.skip))


def text(facts: dict[str, Any]) -> str:
    """The plan for a person."""
    plan, load = facts["plan"], facts["load"]
    pool = plan["pool"]
    out = [
        f"{load['videos_per_day']:,.0f} videos a day of {load['seconds']:g} s, profile {facts['profile']}",
        f"measured on: {facts['hardware']}",
        "",
        f"  {pool['nodes']:,} x {pool['node']} with {pool['workers']:,} workers: "
        f"${pool['usd_day']:,.0f} a day, ${plan['usd_per_thousand']:.3f} a thousand videos",
        f"  bottleneck: {pool['bottleneck']}",
        f"  {plan['core_seconds']:.1f} core-seconds a video"
        + (f", {plan['gpu_seconds']:.2f} GPU-seconds" if plan["gpu_seconds"] else ""),
        f"  {plan['terabytes_in']:,.1f} TB in, {plan['terabytes_reports']:,.2f} TB of reports a day",
    ]
    if len(facts["videos_at_once"]) > 1:
        choices = ", ".join(f"{count}: ${usd:,.0f}" for count, usd in facts["videos_at_once"].items())
        out.append(f"  {load['at_once']} videos at once in a worker; a day by their number: {choices}")
    out += [f"  or {one['nodes']:,} x {one['node']}: ${one['usd_day']:,.0f} a day" for one in plan["others"]]
    out += ["", "core-seconds by stage:"]
    for name, seconds in list(plan["stages"].items())[:_STAGES_SHOWN]:
        out.append(f"  {name:18} {seconds:7.2f}  {100 * seconds / max(plan['core_seconds'], 1e-9):4.0f} %")
    out += ["", "what would change the cost of a day most:"]
    out += [f"  {one['change']:38} {one['usd_day']:+12,.0f} $" for one in facts["changes"][:_CHANGES_SHOWN]]
    out += ["", "assumed:", *(f"  {one}" for one in facts["assumed"])]
    if "simulation" in facts:
        one = facts["simulation"]
        out += [
            "",
            f"simulated: {one['videos']:,} videos around the peak at 1:{1 / one['scale']:,.0f}, workers "
            f"{100 * one['busy']:.0f} % busy",
            f"  wait p50 {one['wait_p50']:.1f} s, p95 {one['wait_p95']:.1f} s, p99 {one['wait_p99']:.1f} s; "
            f"longest queue {one['longest_queue']:,}; lost {one['lost']}",
        ]
    return "\n".join(out)


if __name__ == "__main__":
    sys.exit(main())
