"""Published switches and engines beside what this project predicts of them."""

from __future__ import annotations

import json
from pathlib import Path

from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Run

FILE = "reproduction.md"


def run(out: Path, log: Reporter) -> int:
    """Write `reproduction.md` and `reproduction.json`; a prediction far off is no failure."""
    from lightloom.photonics.reproduction import engines, published, switches, table

    known = published.load()
    with Run(out, "reproduce", log) as run:
        run.input("published", published.PATH)
        found: list[table.Comparison] = []
        for chip in known.chip:
            with run.step(chip.name):
                if chip.kind == "switch":
                    predicted, budget = switches.predict(chip), switches.budget_db(chip)
                else:
                    predicted, budget = engines.predict(chip), {}
                found.append(table.compare(chip, predicted, budget))
        text = table.markdown(found, known.unmodelled)
        (run.directory / FILE).write_text(text)
        plain = {
            "chips": [one.plain() for one in found],
            "unmodelled": [chip.model_dump() for chip in known.unmodelled],
        }
        (run.directory / "reproduction.json").write_text(json.dumps(plain, indent=1) + "\n")
        for one in found:
            for row in one.rows:
                key = f"reproduce.{one.chip.name}.{row.quantity}"
                run.metrics[key] = row.predicted
                if row.published is not None:
                    run.metrics[f"{key}_error"] = row.error
        run.metrics["reproduce.chips"] = len(found)
        log.result(table.brief(found))
        log.result(f"{out / FILE}: {len(found)} chips, every figure with its error")
    return run.exit_code
