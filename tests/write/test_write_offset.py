"""The figure of the offset is there where there is something to see, and only there."""

from __future__ import annotations

import dataclasses

import pytest

from mlbmi.types import OffsetDecision
from mlbmi.write import offset_figure, write_offset_figure

PLAIN = OffsetDecision(add=0, source="pixels", reason="", metadata_add=0, pixels_add=0, probability=0.001, sure=True, pixels=9)
OVERRULED = dataclasses.replace(PLAIN, metadata_add=-1000, contradiction="metadata: flagged")
HOLDING = dataclasses.replace(PLAIN, add=-1000, metadata_add=-1000, pixels_add=-1000, probability=1.0)
SILENT = OffsetDecision(add=0, source="baseline", reason="", metadata_add=0)


def series(used, *decisions):
    return [
        dataclasses.replace(
            used, item_id=f"S2A_{number}", scene=dataclasses.replace(used.scene, item_id=f"S2A_{number}"), offset=it
        )
        for number, it in enumerate(decisions)
    ]


@pytest.mark.parametrize(
    ("decisions", "drawn"),
    [((PLAIN, PLAIN), False), ((PLAIN, SILENT), False), ((PLAIN, OVERRULED), True), ((PLAIN, HOLDING), True), ((), False)],
)
def test_it_is_drawn_where_decisions_differ_or_metadata_are_overruled(used, tmp_path, decisions, drawn):
    path = tmp_path / "offset.png"
    unread = dataclasses.replace(used, offset=None)
    assert write_offset_figure(path, [unread, *series(used, *decisions)]) == ([path] if drawn else [])
    assert path.exists() == drawn


def test_overruled_scenes_are_marked_and_unsure_ones_hollow(used):
    unsure = dataclasses.replace(HOLDING, sure=False, probability=0.8)
    axes = offset_figure(series(used, PLAIN, OVERRULED, unsure, SILENT)).axes[0]
    assert [round(patch.get_x() + 0.5) for patch in axes.patches] == [1]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_markerfacecolor() == "white" for line in dots] == [False, False, True]
    assert [line.get_marker() for line in axes.lines].count("s") == 4
    assert [line.get_marker() for line in axes.lines].count("x") == 1
