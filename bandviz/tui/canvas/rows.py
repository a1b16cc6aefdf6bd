"""Heights and rows: how tall each box is, where it stands, and at which rows wires enter it.

Boxes of a chain stand with their titles on one line. Every net has a row of its own at each slot it
touches, so lanes grow to hold their ports; that is what keeps wires from running along each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bandviz.tui.canvas.items import Item, Net

SWEEPS: Final = 6

Links = Sequence[Sequence[int]]


def grow(items: Sequence[Item], nets: Sequence[Net]) -> None:
    """Give each slot a row for every net that touches it, and forward lanes the same rows."""
    for side in (0, -1):
        for item, slots in zip(items, _touching(items, nets, side), strict=True):
            item.rows = max(item.rows, *map(len, slots))
    forward = [net for net in nets if net.index > 0 and len(net.channels) == 1]
    changed = True
    while changed:
        changed = False
        for net in forward:
            a, b = items[net.stops[0]], items[net.stops[-1]]
            if a.rows != b.rows and a.slots == b.slots:
                a.rows = b.rows = max(a.rows, b.rows)
                changed = True


def stretch(
    items: Sequence[Item], layers: Sequence[Sequence[int]], before: Links, after: Links
) -> list[int]:
    """Make a one-lane consumer as tall as the producers stacked before it; return those stretched.

    Only where they feed nobody else and stand together, and never beyond the tallest layer.
    """
    tallest = max(sum(items[i].height for i in layer) for layer in layers)
    place = {item: index for layer in layers for index, item in enumerate(layer)}
    out: list[int] = []
    for layer in layers:
        room = tallest - sum(items[i].height for i in layer)
        for consumer in layer:
            stack = sorted(before[consumer], key=place.__getitem__)
            alone = all(len(after[i]) == 1 and items[i].node for i in stack)
            if items[consumer].slots > 1 or len(stack) < 2 or not alone:
                continue
            spread = place[stack[-1]] - place[stack[0]] + 1
            more = sum(items[i].height for i in stack) - items[consumer].height
            if spread == len(stack) and 0 <= more <= room:
                items[consumer].least_height = items[consumer].height + more
                room -= more
                out.append(consumer)
    return out


def stand(
    items: Sequence[Item],
    layers: Sequence[Sequence[int]],
    before: Links,
    after: Links,
    stretched: Sequence[int],
) -> None:
    """Set the top row of every item, so that chains keep one line; the highest one is at row 0."""
    for layer in layers:
        _fit(items, layer, [0.0] * len(layer))
    for sweep in range(SWEEPS + 1):
        links, columns = (before, layers) if sweep % 2 == 0 else (after, reversed(layers))
        for layer in columns:
            wants = []
            for i in layer:
                tops = [items[n].y + items[n].border for n in links[i]] or [
                    items[i].y + items[i].border
                ]
                top = min(tops) if links is before and i in stretched else sum(tops) / len(tops)
                wants.append(top - items[i].border)
            _fit(items, layer, wants)
    top_row = min(item.y for item in items)
    for item in items:
        item.y -= top_row


def _fit(items: Sequence[Item], layer: Sequence[int], wants: Sequence[float]) -> None:
    """Closest tops to the wanted ones without overlap, in the given order (isotonic regression)."""
    offsets, total = [], 0
    for i in layer:
        offsets.append(total)
        total += items[i].height
    blocks: list[tuple[float, float, int]] = []  # (sum, weight, items)
    for i, offset, want in zip(layer, offsets, wants, strict=True):
        weight = 2.0 if items[i].node else 1.0
        block = ((want - offset) * weight, weight, 1)
        while blocks and blocks[-1][0] / blocks[-1][1] >= block[0] / block[1]:
            last = blocks.pop()
            block = (block[0] + last[0], block[1] + last[1], block[2] + last[2])
        blocks.append(block)
    tops = [round(total / weight) for total, weight, count in blocks for _ in range(count)]
    for i, offset, top in zip(layer, offsets, tops, strict=True):
        items[i].y = top + offset


def set_ports(items: Sequence[Item], nets: Sequence[Net]) -> None:
    """Give every net its row at every slot: straight where the other end allows it.

    The slots with the least freedom choose first, those with spare rows follow them.
    """
    sides = [
        (side, item, slot, sorted(each, key=lambda n: _seen_from(items, nets[n], side)))
        for side in (0, -1)
        for item, slots in enumerate(_touching(items, nets, side))
        for slot, each in enumerate(slots)
        if each
    ]
    sides.sort(key=lambda s: (items[s[1]].slot(s[2])[1] - len(s[3]), items[s[1]].layer))
    for side, item, slot, touching in sides:
        first, rows = items[item].slot(slot)
        share = rows // len(touching)
        row = first
        for index, number in enumerate(touching):
            net = nets[number]
            natural = first + index * rows // len(touching) + (share - 1) // 2
            across = _rows_across(items, net, side)
            want = min(across, key=lambda r: (abs(r - natural), r), default=natural)
            row = max(row, min(want, first + rows - (len(touching) - index)))
            (net.in_rows if side else net.out_rows)[slot] = row
            row += 1


def _touching(items: Sequence[Item], nets: Sequence[Net], side: int) -> list[list[list[int]]]:
    """The nets that touch each slot of each item at its out (0) or in (-1) side."""
    out: list[list[list[int]]] = [[[] for _ in range(item.slots)] for item in items]
    for number, net in enumerate(nets):
        for slot in net.targets() if side else net.sources():
            out[net.stops[side]][slot].append(number)
    return out


def _seen_from(items: Sequence[Item], net: Net, side: int) -> tuple[int, int, int]:
    """Where the net goes from here: sorts the ports of a slot so that few wires cross at it."""
    other = items[net.stops[-2 if side else 1]]
    slot = min(net.sources() if side else net.targets())
    return other.y + (0 if other.node else net.index), slot, net.edge


def _rows_across(items: Sequence[Item], net: Net, side: int) -> list[int]:
    """Rows at the other end of this gap, as far as they are settled."""
    bend = items[net.stops[-2 if side else 1]]
    if bend.node is None:
        return [bend.y + net.index]
    return list((net.out_rows if side else net.in_rows).values())
