"""Widths: how the cells of a row are shared between boxes and the edges between them.

Edges are never shorter than `SHORTEST`, boxes never narrower than `NARROWEST` (or what their caller
asked for). What the view has to spare goes to the edges, first to those that end at a gate with
several inputs, where barriers wait and elements queue. What does not fit, pans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from bandviz.tui.canvas.scene import BORDER, EdgeIn, NodeIn

SHORTEST: Final = 6
COMFORTABLE: Final = 7
ROOMY: Final = 36
"""Cells of an edge on which an element, a waiting queue and a blocked barrier are all seen."""
NARROWEST: Final = 8
STUB: Final = 2
"""Cells of a wire between a box and the nearest trunk: one to run, one for the gate."""

EdgeRoom = Mapping[tuple[str, str], int]
"""Cells that an edge (source, target) would like."""


class Columns(NamedTuple):
    """Where each layer begins, how wide it is, and where the trunk columns of each gap lie."""

    x: list[int]
    widths: list[int]
    trunks: list[range]
    width: int


def share_out(
    layers: Sequence[Sequence[NodeIn]],
    trunks: Sequence[int],
    wishes: Sequence[int],
    max_width: int | None,
) -> Columns:
    """Settle all widths. `layers` are the boxes of each column, `trunks` those of each gap."""
    wish = [max(_wide(node) for node in layer) + 2 * BORDER for layer in layers]
    least = [max(min(_wide(node), NARROWEST) for node in layer) + 2 * BORDER for layer in layers]
    shortest = [max(SHORTEST, count + 2 * STUB) for count in trunks]
    if max_width is None:
        widths, gaps = wish, [max(a, b) for a, b in zip(shortest, wishes, strict=True)]
    else:
        widths = _shrink(wish, least, max_width - sum(shortest))
        gaps = _share(shortest, wishes, max_width - sum(widths) - sum(shortest))
    x, bands, at = [], [], 0
    for width, gap, count in zip(widths, [*gaps, 0], [*trunks, 0], strict=True):
        x.append(at)
        bands.append(_band(at + width, gap, count))
        at += width + gap
    return Columns(x, widths, bands[:-1], at)


def edge_wishes(
    edges: Sequence[EdgeIn], layer_of: Mapping[str, int], edge_room: EdgeRoom
) -> list[int]:
    """The wish of each gap: the most that an edge wants which arrives right after it."""
    inputs: dict[tuple[str, int], int] = {}
    for edge in edges:
        for _, _, lane in edge.channels:
            inputs[edge.target, lane] = inputs.get((edge.target, lane), 0) + 1
    out = [COMFORTABLE] * max(layer_of.values())
    for edge in edges:
        aligns = any(inputs[edge.target, lane] > 1 for _, _, lane in edge.channels)
        room = edge_room.get((edge.source, edge.target), ROOMY if aligns else COMFORTABLE)
        gap = layer_of[edge.target] - 1
        out[gap] = max(out[gap], room)
    return out


def _wide(node: NodeIn) -> int:
    """Cells inside the padding: the text, or a title with a dash of border behind it."""
    return max(node.content_width, len(node.title) + 1)


def _band(begin: int, gap: int, count: int) -> range:
    """The trunk columns of a gap: apart if there is room, and nearer to the senders."""
    step = 2 if gap >= 2 * count + 2 * STUB + SHORTEST else 1
    spare = max(0, gap - step * count - 2 * STUB)
    first = begin + STUB + spare // 4
    return range(first, first + step * count, step)


def _shrink(wish: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Take cells from the widest layer, one at a time, until all fit or none can give."""
    widths = list(wish)
    for _ in range(sum(widths) - room):
        can = [i for i in range(len(widths)) if widths[i] > least[i]]
        if not can:
            break
        widths[max(can, key=lambda i: (widths[i], -i))] -= 1
    return widths


def _share(least: Sequence[int], wanted: Sequence[int], spare: int) -> list[int]:
    """Spread spare cells over the gaps: to comfort first, then to wishes, then by their weight."""
    out = list(least)
    for goal in ([COMFORTABLE] * len(out), wanted):
        while spare > 0:
            short = max(range(len(out)), key=lambda i: (goal[i] - out[i], -i), default=0)
            if not out or goal[short] <= out[short]:
                break
            out[short] += 1
            spare -= 1
    if spare <= 0 or not out:
        return out
    more = [spare * want // sum(wanted) for want in wanted]
    more[wanted.index(max(wanted))] += spare - sum(more)
    return [width + extra for width, extra in zip(out, more, strict=True)]
