"""Trees and what else grows, each drawn in a box of its own."""

import math

from generation.providers.sandbox.art.color import mix
from generation.providers.sandbox.art.pen import Ink, Pen


def tree(pen: Pen, ink: Ink) -> None:
    bark, leaves = ink.fixed((96, 66, 48)), ink.of((70, 134, 72))
    pen.poly(bark, (0.45, 0.5), (0.55, 0.5), (0.57, 0.9), (0.66, 1), (0.34, 1), (0.43, 0.9))
    pen.line(bark, 0.035, (0.5, 0.7), (0.3, 0.5))
    pen.line(bark, 0.035, (0.5, 0.64), (0.7, 0.46))
    crowns = (
        (0.28, 0.46, 0.2),
        (0.72, 0.46, 0.2),
        (0.5, 0.5, 0.22),
        (0.36, 0.28, 0.2),
        (0.66, 0.28, 0.2),
        (0.5, 0.18, 0.17),
    )
    for x, y, r in crowns:
        pen.oval(mix(leaves, ink.dark, 0.3), x, y + 0.03, r, r * 0.86)
    for x, y, r in crowns:
        pen.oval(leaves, x - 0.012, y, r * 0.9, r * 0.76)
    for x, y, r in crowns[::2]:
        pen.oval(mix(leaves, ink.light, 0.1), x - 0.04, y - 0.05, r * 0.55, r * 0.42)


def flower(pen: Pen, ink: Ink) -> None:
    stem, petal = ink.fixed((66, 132, 74)), ink.of((232, 88, 112))
    pen.line(stem, 0.035, (0.5, 0.4), (0.49, 0.7), (0.5, 1))
    for side in (-1, 1):
        pen.poly(stem, (0.5, 0.84), (0.5 + side * 0.14, 0.68), (0.5 + side * 0.3, 0.66), (0.5 + side * 0.2, 0.78))
    ratio = pen.width / pen.height
    for ring, (reach, color) in enumerate(((0.26, mix(petal, ink.dark, 0.16)), (0.2, petal))):
        for turn in range(8):
            angle = math.tau * (turn + ring / 2) / 8
            pen.oval(color, 0.5 + math.cos(angle) * reach, 0.3 + math.sin(angle) * reach * ratio, 0.13, 0.13 * ratio)
    pen.oval(ink.fixed((250, 202, 76)), 0.5, 0.3, 0.15, 0.15 * ratio)
    pen.oval(ink.fixed((226, 158, 46)), 0.5, 0.31, 0.09, 0.09 * ratio)


def mushroom(pen: Pen, ink: Ink) -> None:
    cap, stem = ink.of((206, 52, 48)), ink.fixed((246, 234, 212))
    pen.poly(stem, (0.4, 0.45), (0.6, 0.45), (0.66, 0.98), (0.34, 0.98))
    pen.oval(mix(stem, ink.dark, 0.16), 0.5, 0.52, 0.2, 0.07)
    pen.oval(mix(stem, ink.dark, 0.24), 0.5, 0.48, 0.42, 0.09)
    crest = [
        (0.5 - 0.46 * math.cos(turn * math.pi / 24), 0.48 - 0.42 * math.sin(turn * math.pi / 24)) for turn in range(25)
    ]
    pen.poly(cap, *crest)
    for x, y, r in (
        (0.5, 0.18, 0.07),
        (0.28, 0.3, 0.055),
        (0.72, 0.28, 0.06),
        (0.46, 0.37, 0.04),
        (0.62, 0.41, 0.035),
        (0.16, 0.42, 0.03),
    ):
        pen.oval(ink.fixed((252, 246, 236)), x, y, r, r * 0.8)


def cactus(pen: Pen, ink: Ink) -> None:
    green = ink.of((74, 134, 84))
    pen.box(green, 0.4, 0.06, 0.6, 1, 0.1)
    pen.line(green, 0.14, (0.5, 0.66), (0.2, 0.64), (0.2, 0.42))
    pen.line(green, 0.14, (0.5, 0.54), (0.8, 0.52), (0.8, 0.26))
    for x, top, end in ((0.46, 0.14, 0.98), (0.54, 0.14, 0.98), (0.2, 0.44, 0.62), (0.8, 0.28, 0.5)):
        pen.line(mix(green, ink.dark, 0.3), 0.014, (x, top), (x, end))
    pen.oval(ink.fixed((240, 120, 150)), 0.5, 0.06, 0.08, 0.035)
