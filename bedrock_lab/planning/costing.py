"""What purchases cost a month under one scenario, and over the windows of a block."""

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bedrock_lab.planning.capacity import Load, OverflowCurve, reserved_overflow, reserved_share, units_needed
from bedrock_lab.planning.demand import Demand
from bedrock_lab.planning.purchase import HOURS_PER_WEEK, Mix, Purchase
from bedrock_lab.planning.scenario import Scenario, load_of, mixed_load, outlet_parts, token_windows
from bedrock_lab.planning.waiting import Idle, unserved
from bedrock_lab.pricing import HOURS_PER_MONTH, Floats


class Costing:
    """Monthly cost of purchases under one scenario, and block by block for their intervals."""

    def __init__(
        self, demand: Demand, scenario: Scenario, *, block: slice | None = None, shared: Load | None = None
    ) -> None:
        """Cost under a scenario; `shared` stands for the windows of every mix where several demands share capacity."""
        self.demand = demand
        self.scenario = scenario
        self.block = block
        self.load = load_of(demand, scenario, block)
        self._curve: OverflowCurve | None = None
        self._loads: dict[str | None, Load] = {}
        self._mixed: dict[Mix, Load] = {}
        self._curves: dict[Mix, OverflowCurve] = {}
        self._by_hour: dict[Mix, tuple[Floats, Floats, NDArray[np.int64]]] = {}
        self._shared = shared

    def load_in(self, scope: str | None) -> Load:
        """Windows valued at what runs over in a scope costs on demand."""
        if scope not in self._loads:
            value = self.demand.on_demand(scope)
            same = value is self.demand.on_demand_usd
            self._loads[scope] = self.load if same else load_of(self.demand, self.scenario, self.block, value)
        return self._loads[scope]

    @property
    def curve(self) -> OverflowCurve:
        """Overflow against units; needs the unit's throughput."""
        if self._curve is None:
            self._curve = OverflowCurve(self.load, self.needed(self.load))
        return self._curve

    def needed(self, load: Load) -> Floats:
        """Units each window needs."""
        scenario = self.scenario
        if scenario.unit_input_tpm is None or scenario.unit_output_tpm is None:
            msg = "unit throughput is not known in this scenario"
            raise ValueError(msg)
        return units_needed(load, scenario.unit_input_tpm, scenario.unit_output_tpm)

    def mixed(self, mix: Mix) -> Load:
        """Windows of a mix, whatever its base."""
        if self._shared is not None:
            return self._shared
        ends = mix.without_base()
        if ends not in self._mixed:
            self._mixed[ends] = mixed_load(self.demand, self.scenario, ends, self.block)
        return self._mixed[ends]

    def mixed_curve(self, mix: Mix) -> OverflowCurve:
        """Cost of what a mix's units leave, against their number."""
        ends = mix.without_base()
        if ends not in self._curves:
            load = self.mixed(mix)
            self._curves[ends] = OverflowCurve(load, self.needed(load))
        return self._curves[ends]

    def left_by_hour(self, mix: Mix, units: int) -> Floats:
        """Cost of what a number of units leaves of a mix, by hour of the week [USD per trace]."""
        ends = mix.without_base()
        if ends not in self._by_hour:
            load, slots = self.mixed(mix), self.demand.hour_of_week[self.block or slice(None)]
            again = len(load.usd) // len(slots)
            self._by_hour[ends] = (load.usd * load.mass, self.needed(load), np.tile(slots, again))
        usd, needed, slots = self._by_hour[ends]
        with np.errstate(divide="ignore", invalid="ignore"):
            left = usd * np.maximum(0.0, 1 - np.where(needed > 0, units / needed, 1.0))
        by_slot: Floats = np.bincount(slots, weights=left, minlength=HOURS_PER_WEEK).astype(np.float64)
        return by_slot

    def served(self, mix: Mix) -> Floats:
        """Share of each window that a mix's capacity serves."""
        base, load = mix.base, self.load
        if base is not None and base.option == "reserved":
            size = (base.reserved_input_ktpm or 0) * 1000.0, (base.reserved_output_ktpm or 0) * 1000.0
            return reserved_share(load, *size)
        if not mix.has_capacity:
            return np.zeros(len(load.usd))
        units = np.full(len(self.demand), (base.units or 0) if base is not None else 0, dtype=np.float64)
        if mix.schedule:
            units += np.array(mix.schedule)[self.demand.hour_of_week]
        units = np.tile(units[self.block or slice(None)], len(self.scenario.shape.weights))
        needed = self.needed(load)
        with np.errstate(divide="ignore", invalid="ignore"):
            share: Floats = np.minimum(1.0, np.where(needed > 0, units / needed, 1.0))
        return share

    def left_waiting(self, mix: Mix) -> Floats:
        """Cost by window of what a mix leaves to its overflow, and of what waits for its capacity in vain [USD].

        It holds for a week of one shape only: waiting needs to know which hour follows which.
        """
        whole = self if self.block is None else Costing(self.demand, self.scenario)
        load, served, waits = whole.load, whole.served(mix), whole.scenario.deferrable
        value = whole.demand.on_demand(mix.overflow.scope)
        ends = sum(outlet_parts(whole.demand, mix, value), np.zeros(len(served)))
        usd, outlet = (load_of(whole.demand, whole.scenario, None, v).usd for v in (value, ends))
        size = whole.capacity_of(mix)
        later = np.minimum(waits, 1 - served)
        idle = Idle(
            np.maximum(0.0, size[0] - served * load.input_tpm),
            np.maximum(0.0, size[1] - served * load.output_tpm),
            later * load.input_tpm,
            later * load.output_tpm,
            later * outlet,
        )
        over = usd * np.maximum(0.0, 1 - waits - served)
        left: Floats = (over + unserved(idle, whole.demand.window_s, mix.wait_h)) * load.mass
        return left

    def capacity_of(self, mix: Mix) -> tuple[float, float]:
        """Tokens per minute the base of a mix serves, input and output."""
        base = mix.base
        if base is None:
            return 0.0, 0.0
        if base.option == "reserved":
            return (base.reserved_input_ktpm or 0) * 1000.0, (base.reserved_output_ktpm or 0) * 1000.0
        units, scenario = base.units or 0, self.scenario
        return units * (scenario.unit_input_tpm or 0.0), units * (scenario.unit_output_tpm or 0.0)

    def _mix(self, mix: Mix) -> float:
        """Cost of what a mix's capacity leaves [USD per trace]."""
        base = mix.base
        if mix.wait_h and len(self.scenario.shape.weights) == 1:
            return float(self.left_waiting(mix)[self.block or slice(None)].sum())
        units = (base.units or 0) if base is not None and base.option == "provisioned" else 0
        if mix.schedule:
            at = np.array(mix.schedule)
            by_units = {n: self.left_by_hour(mix, units + n) for n in sorted(set(mix.schedule))}
            return float(sum(by_units[n][at == n].sum() for n in by_units))
        if base is None:
            load = self.mixed(mix)
            return float(np.sum(load.usd * load.mass))
        if base.option == "provisioned":
            return float(self.mixed_curve(mix)(float(units)))
        size = (base.reserved_input_ktpm or 0) * 1000.0, (base.reserved_output_ktpm or 0) * 1000.0
        return float(np.sum(reserved_overflow(self.mixed(mix), *size)))

    def variable(self, purchases: Iterable[Purchase]) -> Floats:
        """Traffic-dependent cost of each purchase over the trace (or the block) [USD per trace]."""
        costs, wanted = [], list(purchases)
        units = [float(p.units or 0) for p in wanted if p.option == "provisioned"]
        left = iter(self.curve(np.array(units)).tolist() if units else [])
        for purchase in wanted:
            if purchase.mix is not None:
                costs.append(self._mix(purchase.mix))
            elif purchase.option == "provisioned":
                costs.append(next(left))
            elif purchase.option == "reserved":
                tpm = (
                    (purchase.reserved_input_ktpm or 0) * 1000.0,
                    (purchase.reserved_output_ktpm or 0) * 1000.0,
                )
                costs.append(float(np.sum(reserved_overflow(self.load_in(purchase.scope), *tpm))))
            else:
                windows = token_windows(self.demand, purchase, self.scenario)
                costs.append(float(np.sum(windows[self.block or slice(None)])))
        return np.array(costs)

    def fixed(self, purchases: Iterable[Purchase]) -> Floats:
        """Hourly cost of each purchase [USD/month]."""
        factor = self.scenario.unit_price_factor
        return np.array([p.fixed_usd_per_month * (factor if p.has_units else 1.0) for p in purchases])

    def monthly(self, purchases: list[Purchase]) -> Floats:
        """Cost of each purchase [USD/month]."""
        return self.fixed(purchases) + self.variable(purchases) * self.demand.per_month


def billed(costing: Costing, purchases: list[Purchase]) -> Floats:
    """Cost of purchases over the windows of a costing, with the units by the hour that those hours hold [USD]."""
    windows = costing.demand.hour_of_week[costing.block or slice(None)]
    hours, factor = costing.demand.window_s / 3600, costing.scenario.unit_price_factor
    alone = [dataclasses.replace(p, mix=dataclasses.replace(p.mix, hourly_usd=0.0)) if p.mix else p for p in purchases]
    running = np.array(
        [
            p.mix.hourly_usd * factor * float(np.array(p.mix.schedule)[windows].sum()) * hours
            if p.mix and p.mix.schedule
            else 0.0
            for p in purchases
        ]
    )
    cost: Floats = costing.variable(purchases) + costing.fixed(alone) * len(windows) * hours / HOURS_PER_MONTH + running
    return cost
