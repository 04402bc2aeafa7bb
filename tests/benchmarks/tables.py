"""What the benchmarks say of the machine, and how they show a table."""

import os
from collections.abc import Sequence
from pathlib import Path


def machine() -> str:
    """The processor, what it multiplies besides float32, and what else the machine was doing."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    has = set(facts.get("flags", "").split())
    kinds = [name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8") if name in has]
    load = os.getloadavg()[0]
    return f"{facts.get('model name', 'processor')}, {os.cpu_count()} cores, {' '.join(kinds)}; load {load:.1f}"


def show(title: str, rows: Sequence[dict]) -> None:
    """Rows under the names of their first, on stdout."""
    columns = list(rows[0])
    shown = [[_word(row[column]) for column in columns] for row in rows]
    widths = [max(len(column), *(len(row[at]) for row in shown)) for at, column in enumerate(columns)]
    print(title)
    for row in [columns, *shown]:
        cells = [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip(), flush=True)


def _word(value: object) -> str:
    if value is None:
        return "-"
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 2 else f"{value:.4f}"
