"""One picture of each scenario, readable on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.axes import Axes

from peers.scenarios import PLOTTED_LABELS, Row, Scenario

pyplot.switch_backend("agg")
mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 8,
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), "#787878"),
        "axes.edgecolor": "#787878",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)

OURS, CONTROL, OTHERS = "#1a9b6c", "#9a9a9a", "#5d87b8"  # as plain on white as on near black
BAR = 0.26  # inches


def plot(
    scenario: Scenario,
    found: Mapping[str, Mapping[str, Any]],
    names: Mapping[str, str],
    figures: Mapping[str, Any],
    folder: Path,
) -> None:
    """Write a scenario's picture: a bar for each library and plotted figure."""
    mpl.rcParams["svg.hashsalt"] = scenario.name  # the same picture is the same file
    count = len(scenario.plotted)
    size = (8, BAR * len(names) + 0.7)
    figure, panels = pyplot.subplots(1, count, figsize=size, sharey=True, squeeze=False)
    rows = {row.key: row for row in scenario.rows}
    for axes, key in zip(panels[0], scenario.plotted, strict=True):
        row = rows.get(key) or Row(key, PLOTTED_LABELS[key], "{}", bool)
        bars(axes, row, found, figures)
    panels[0][0].set_yticks(range(len(names)), list(names.values()))
    panels[0][0].invert_yaxis()
    figure.tight_layout(pad=0.4)
    path = folder / f"{scenario.name}.svg"
    figure.savefig(path, metadata={"Date": None}, transparent=True)
    pyplot.close(figure)
    text = path.read_text(encoding="utf-8")
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")


def bars(
    axes: Axes, row: Row, found: Mapping[str, Mapping[str, Any]], figures: Mapping[str, Any]
) -> None:
    """Draw one figure of every library."""
    values = [found[name][row.key] for name in found]
    colors = [{"ours": OURS, "control": CONTROL}.get(name, OTHERS) for name in found]
    drawn = [value or 0 for value in values]
    axes.barh(range(len(drawn)), drawn, color=colors, height=0.7)
    if row.log and max(drawn) > 0:
        axes.set_xscale("symlog", linthresh=1)
    for place, (name, value) in enumerate(zip(found, drawn, strict=True)):
        label = row.text(dict(found[name])).format(**figures)
        axes.annotate(
            label, (max(value, 0), place), xytext=(3, 0), textcoords="offset points", va="center"
        )
    title = row.label.format(**figures) + (" (logarithmic)" if row.log else "")
    axes.set_title(title, loc="left", fontsize=8)
    axes.set_xticks([])
    axes.minorticks_off()
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.35)
    axes.spines["bottom"].set_visible(False)
