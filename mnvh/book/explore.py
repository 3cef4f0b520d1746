"""Figures that move: the chapters' own formulas, compiled by Numba to WebAssembly and carried by the page itself.

A page shows one where it says `<!-- explore: pool-fee -->`; explore.yml describes them. A kernel is a function of the figure's
sliders, in the reader's units, and calls what its chapter's module calls. LLVM's object file, with names for its exports and
without tables for a linker, is a whole module. It imports functions of `Math` only, which stand for the C library's and may
differ from them in the last bits; arithmetic and square roots give the same doubles.
"""

from __future__ import annotations

import base64
import json
import math
import re
from functools import cache
from pathlib import Path
from types import FunctionType

import llvmlite.binding as llvm
import numba
import yaml
from numba import types

from mnvh.arbitrage import _arbitrage, _eta, _income
from mnvh.autocovariance import _variance_ratio
from mnvh.book import style
from mnvh.book.project import EXPLORER
from mnvh.gamma_capture import YEAR, _duration, _spread_free

# Numba would optimise for the processor that it runs on, and a page differ from machine to machine: LLVM does it for WebAssembly.
UNTOUCHED = {"error_model": "numpy", "_nrt": False, "_dbg_optnone": True}


def harvest(steps: float, correlation: float) -> float:
    return steps / 2


def ratio(steps: float, correlation: float) -> float:
    return _variance_ratio(correlation, int(steps))


def displacement(steps: float, correlation: float) -> float:
    return -steps * ratio(steps, correlation) / 2


def grid_pnl(steps: float, correlation: float) -> float:
    return steps / 2 * (1 - ratio(steps, correlation))


def fill_rate(step_bps: float, spread_bps: float, vol_percent: float) -> float:
    """Fills per second with quotes every half second; a short ladder's for a spread below 0; where the law is accurate only."""
    vol, step = vol_percent / 100 / math.sqrt(YEAR), math.log1p(step_bps / 1e4)
    far = step + spread_bps / 1e4
    between = vol * math.sqrt(0.5)
    return 1 / _duration(vol, step, far, 0.5) if far >= between and step >= 3 * between else math.nan


def long_vol(step_bps: float, spread_bps: float, vol_percent: float) -> float:
    return 100 * math.log1p(step_bps / 1e4) * math.sqrt(YEAR * fill_rate(step_bps, spread_bps, vol_percent))


def short_vol(step_bps: float, spread_bps: float, vol_percent: float) -> float:
    return long_vol(step_bps, -spread_bps, vol_percent)


def free_vol(step_bps: float, spread_bps: float, vol_percent: float) -> float:
    long, short = fill_rate(step_bps, spread_bps, vol_percent), fill_rate(step_bps, -spread_bps, vol_percent)
    return 100 * math.sqrt(YEAR * _spread_free(math.log1p(step_bps / 1e4), long, short))


def true_vol(step_bps: float, spread_bps: float, vol_percent: float) -> float:
    return vol_percent


def income(fee_bps: float, block_seconds: float, turnover_percent: float) -> float:
    return 1e4 * _income(fee_bps, turnover_percent / 100, 20.0)


def loss(fee_bps: float, block_seconds: float, turnover_percent: float) -> float:
    return -1e4 * _arbitrage(_eta(0.05, 86_400 / block_seconds), 86_400 / block_seconds, fee_bps)


def pool_pnl(fee_bps: float, block_seconds: float, turnover_percent: float) -> float:
    return income(fee_bps, block_seconds, turnover_percent) + loss(fee_bps, block_seconds, turnover_percent)


@cache
def figures() -> dict[str, dict]:
    """What explore.yml says of every figure, the places of its sliders as lists."""
    found = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
    for slider in (slider for figure in found.values() for slider in figure["sliders"]):
        if isinstance(places := slider["places"], dict):
            count = round((places["last"] - places["first"]) / places["step"]) + 1
            slider["places"] = [round(places["first"] + k * places["step"], 6) for k in range(count)]
    return found


def show(name: str) -> str:
    """MyST of one figure; raises ValueError if there is none of this name."""
    if name not in figures():
        raise ValueError(f"<!-- explore: {name} -->: there is no such figure in mnvh/book/explore.yml, only {', '.join(figures())}.")
    figure = figures()[name]
    lines = [line | style.ROLES.get(line.get("role"), {}) for line in figure["lines"]]
    data = json.dumps(figure | {"lines": lines, "wasm": base64.b64encode(module(name)).decode()}, ensure_ascii=False)
    static = f"{figure['title']}: this figure moves where scripts run. In print and without them, see {{numref}}`{figure['static']}`."
    scripts = '<script type="application/json">' + data.replace("</", r"<\/") + f"</script>\n<script>\n{EXPLORER.read_text(encoding='utf-8')}</script>"
    return f'```{{raw}} html\n<div class="explore">\n```\n\n{static}\n\n```{{raw}} html\n<div class="explore-parts"></div>\n{scripts}\n</div>\n```'


@cache
def module(name: str) -> bytes:
    """WebAssembly module of a figure, with one export for each of its kernels."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple("wasm32-unknown-unknown").create_target_machine(opt=3)
    whole = llvm.parse_assembly("")
    for line in figures()[name]["lines"]:
        whole.link_in(_translated(globals()[line["kernel"]], machine))
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(whole, passes)
    return _without_custom_sections(machine.emit_object(whole))


def _translated(kernel: FunctionType, machine: llvm.TargetMachine) -> llvm.ModuleRef:
    """A kernel as Numba hands it to LLVM, made over for WebAssembly; nothing but the kernel is seen from outside."""
    signature = types.float64(*[types.float64] * kernel.__code__.co_argcount)
    compiled = numba.cfunc(signature, **UNTOUCHED)(_with_compiled_callees(kernel))
    text = re.sub('target triple = ".*"', f'target triple = "{machine.triple}"', compiled.inspect_llvm())
    text = re.sub('target datalayout = ".*"', f'target datalayout = "{machine.target_data}"', text)
    text = re.sub(r'"(target|tune)-(cpu|features)"="[^"]*"|\b(noinline|optnone)\b', "nounwind", text)  # all is inlined: no stack, no memory
    named = rf'(define .*@"?{re.escape(compiled.native_name)}"?\(.*)\{{'
    code = llvm.parse_assembly(re.sub(named, rf'\1"wasm-export-name"="{kernel.__name__}" {{', text))
    for symbol in (*code.functions, *code.global_variables):
        if not symbol.is_declaration and symbol.name != compiled.native_name:
            symbol.linkage = "internal"
    return code


def _with_compiled_callees(function: FunctionType) -> FunctionType:
    """The function with the plain functions that it calls compiled, and so on down."""
    called = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    compiled = {name: numba.njit(**UNTOUCHED)(_with_compiled_callees(f)) for name, f in called.items() if isinstance(f, FunctionType)}
    return FunctionType(function.__code__, function.__globals__ | compiled, function.__name__)


def _without_custom_sections(binary: bytes) -> bytes:
    """A module without the names and relocations that a linker would read; LLVM writes each length in five bytes."""
    kept, place = binary[:8], 8
    while place < len(binary):
        end = place + 6 + sum((byte & 127) << 7 * k for k, byte in enumerate(binary[place + 1 : place + 6]))
        kept += binary[place:end] if binary[place] else b""
        place = end
    return kept
