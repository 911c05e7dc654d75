"""Buildings and vessels, each drawn in a box of its own."""

import math

from generation.providers.sandbox.art.color import Color, mix
from generation.providers.sandbox.art.pen import Ink, Pen


def lighthouse(pen: Pen, ink: Ink) -> None:
    white, red = ink.fixed((246, 242, 232)), ink.of((206, 52, 46))
    pen.poly(ink.fixed((96, 92, 96)), (0.02, 1), (0.16, 0.93), (0.4, 0.9), (0.7, 0.91), (0.9, 0.95), (1, 1))
    pen.box(white, 0.62, 0.84, 0.94, 0.95)
    pen.poly(red, (0.58, 0.845), (0.78, 0.785), (0.98, 0.845))
    top, bottom, high, low = 0.36, 0.27, 0.26, 0.92

    def band(start: float, end: float, color: Color) -> None:
        at = [bottom + (top - bottom) * (1 - part) for part in (start, end)]
        ys = [high + (low - high) * part for part in (start, end)]
        pen.poly(color, (at[0], ys[0]), (1 - at[0] - 0.02, ys[0]), (1 - at[1] - 0.02, ys[1]), (at[1], ys[1]))

    for index in range(5):
        band(index / 5, (index + 1) / 5, red if index % 2 else white)
    pen.box(ink.window, 0.455, 0.36, 0.525, 0.385)
    pen.box(ink.window, 0.455, 0.62, 0.525, 0.648)
    dark = ink.fixed((52, 50, 62))
    pen.box(dark, 0.29, 0.235, 0.69, 0.262)
    pen.box(ink.glow, 0.385, 0.15, 0.595, 0.236)
    for x in (0.385, 0.48, 0.575):
        pen.box(dark, x, 0.15, x + 0.02, 0.236)
    pen.poly(red, (0.34, 0.152), (0.49, 0.08), (0.64, 0.152))
    pen.line(dark, 0.02, (0.49, 0.085), (0.49, 0.03))


def cabin(pen: Pen, ink: Ink) -> None:
    wall, roof = ink.of((166, 112, 74)), ink.fixed((92, 52, 48))
    pen.box(ink.fixed((120, 108, 104)), 0.68, 0.1, 0.78, 0.42)
    pen.box(wall, 0.14, 0.46, 0.86, 1)
    for line in range(1, 6):
        pen.line(mix(wall, ink.dark, 0.22), 0.006, (0.14, 0.46 + line * 0.09), (0.86, 0.46 + line * 0.09))
    pen.poly(roof, (0.02, 0.52), (0.5, 0.1), (0.98, 0.52), (0.94, 0.58), (0.5, 0.2), (0.06, 0.58))
    pen.poly(wall, (0.12, 0.53), (0.5, 0.2), (0.88, 0.53))
    pen.box(mix(roof, ink.dark, 0.2), 0.42, 0.66, 0.58, 1)
    for x in (0.2, 0.64):
        pen.box(ink.window, x, 0.62, x + 0.16, 0.8)
        pen.line(roof, 0.014, (x + 0.08, 0.62), (x + 0.08, 0.8))
        pen.line(roof, 0.014, (x, 0.71), (x + 0.16, 0.71))
    pen.oval(ink.window, 0.5, 0.42, 0.055, 0.06)


def castle(pen: Pen, ink: Ink) -> None:
    stone, roof = ink.of((178, 170, 166)), ink.fixed((98, 72, 120))
    shade = mix(stone, ink.dark, 0.18)
    pen.box(shade, 0.2, 0.56, 0.8, 1)
    for merlon in range(6):
        pen.box(shade, 0.2 + merlon * 0.104, 0.52, 0.26 + merlon * 0.104, 0.57)
    for x, top, wide in ((0.4, 0.3, 0.2), (0.06, 0.46, 0.18), (0.76, 0.42, 0.18)):
        pen.box(stone, x, top, x + wide, 1)
        middle = x + wide / 2
        pen.poly(roof, (x - 0.03, top + 0.01), (middle, top - 0.22), (x + wide + 0.03, top + 0.01))
        pen.line(ink.fixed((70, 60, 70)), 0.008, (middle, top - 0.2), (middle, top - 0.28))
        pen.poly(ink.fixed((220, 70, 62)), (middle, top - 0.28), (middle + 0.08, top - 0.255), (middle, top - 0.23))
        pen.box(ink.window, middle - 0.025, top + 0.1, middle + 0.025, top + 0.19, 0.025)
        pen.box(ink.window, middle - 0.025, top + 0.28, middle + 0.025, top + 0.36, 0.025)
    pen.oval(ink.fixed((66, 46, 44)), 0.5, 0.86, 0.085, 0.08)
    pen.box(ink.fixed((66, 46, 44)), 0.415, 0.86, 0.585, 1)


def windmill(pen: Pen, ink: Ink) -> None:
    wall = ink.of((232, 222, 204))
    pen.poly(wall, (0.36, 0.4), (0.64, 0.4), (0.72, 1), (0.28, 1))
    pen.poly(ink.fixed((120, 66, 54)), (0.32, 0.42), (0.38, 0.3), (0.5, 0.25), (0.62, 0.3), (0.68, 0.42))
    pen.box(ink.fixed((96, 66, 52)), 0.44, 0.84, 0.56, 1, 0.05)
    pen.box(ink.window, 0.46, 0.58, 0.54, 0.66)
    beam, cloth = ink.fixed((88, 64, 52)), ink.fixed((250, 244, 232))
    ratio = pen.width / pen.height
    for quarter in range(4):
        angle = math.radians(32 + 90 * quarter)

        def at(along: float, aside: float, angle: float = angle) -> tuple[float, float]:
            x = math.cos(angle) * along - math.sin(angle) * aside
            y = math.sin(angle) * along + math.cos(angle) * aside
            return 0.5 + x, 0.36 + y * ratio

        pen.poly(cloth, at(0.1, 0.01), at(0.46, 0.01), at(0.46, 0.11), at(0.1, 0.11))
        for part in (0.1, 0.22, 0.34, 0.46):
            pen.line(beam, 0.008, at(part, 0), at(part, 0.11))
        pen.line(beam, 0.018, at(0, 0), at(0.47, 0))
    pen.oval(beam, 0.5, 0.36, 0.035, 0.035 * ratio)


def boat(pen: Pen, ink: Ink) -> None:
    sail, hull = ink.fixed((250, 244, 230)), ink.of((176, 58, 48))
    pen.line(ink.fixed((84, 62, 48)), 0.018, (0.5, 0.04), (0.5, 0.82))
    pen.poly(sail, (0.53, 0.06), (0.9, 0.7), (0.53, 0.74))
    pen.poly(mix(sail, ink.dark, 0.12), (0.47, 0.12), (0.47, 0.74), (0.16, 0.72))
    pen.poly(hull, (0.08, 0.79), (0.96, 0.77), (0.86, 0.93), (0.78, 0.97), (0.28, 0.97), (0.2, 0.94))
    pen.poly(mix(hull, ink.light, 0.4), (0.08, 0.79), (0.96, 0.77), (0.945, 0.805), (0.095, 0.825))


def balloon(pen: Pen, ink: Ink) -> None:
    main, other = ink.of((226, 84, 66)), ink.fixed((252, 232, 196))
    pen.poly(main, (0.1, 0.42), (0.9, 0.42), (0.6, 0.76), (0.4, 0.76))
    pen.oval(main, 0.5, 0.36, 0.46, 0.35)
    for wide, color in ((0.3, other), (0.13, main)):
        pen.oval(color, 0.5, 0.36, wide, 0.35)
        pen.poly(color, (0.5 - wide, 0.4), (0.5 + wide, 0.4), (0.5 + wide * 0.24, 0.755), (0.5 - wide * 0.24, 0.755))
    rope = ink.fixed((96, 74, 56))
    for x in (0.42, 0.58):
        pen.line(rope, 0.01, (x, 0.76), (0.5 + (x - 0.5) * 0.8, 0.88))
    pen.box(rope, 0.41, 0.87, 0.59, 0.98, 0.03)
    pen.box(mix(rope, ink.light, 0.4), 0.4, 0.865, 0.6, 0.89, 0.01)


def rocket(pen: Pen, ink: Ink) -> None:
    body, red = ink.fixed((240, 240, 244)), ink.of((220, 66, 58))
    for wide, end, color in ((0.13, 1.0, (255, 146, 46)), (0.08, 0.93, (255, 224, 120))):
        pen.poly(color, (0.5 - wide, 0.76), (0.5 + wide, 0.76), (0.5, end))
    for side in (-1, 1):
        pen.poly(red, (0.5 + side * 0.16, 0.52), (0.5 + side * 0.4, 0.8), (0.5 + side * 0.14, 0.76))
    pen.oval(body, 0.5, 0.42, 0.2, 0.36)
    pen.box(body, 0.34, 0.44, 0.66, 0.76, 0.04)
    nose = [
        (0.5 + 0.2 * math.sin(turn), 0.42 - 0.36 * math.cos(turn))
        for turn in (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    pen.poly(red, *nose)
    pen.oval(ink.fixed((70, 80, 96)), 0.5, 0.42, 0.11, 0.075)
    pen.oval(ink.fixed((140, 206, 236)), 0.5, 0.42, 0.08, 0.055)
    pen.poly(red, (0.46, 0.58), (0.54, 0.58), (0.53, 0.82), (0.47, 0.82))
