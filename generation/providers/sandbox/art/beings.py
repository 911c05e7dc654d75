"""People and animals, each drawn in a box of its own."""

from generation.providers.sandbox.art.color import BLACK, Color, mix
from generation.providers.sandbox.art.pen import Ink, Pen


def _sitting(pen: Pen, coat: Color, belly: Color) -> None:
    """An animal that sits and looks at us: body, legs and head, without ears and tail."""
    shadow = mix(coat, BLACK, 0.22)
    pen.oval(coat, 0.5, 0.76, 0.26, 0.25)
    pen.poly(coat, (0.32, 0.42), (0.68, 0.42), (0.74, 0.78), (0.26, 0.78))
    pen.oval(shadow, 0.3, 0.88, 0.13, 0.1)
    pen.oval(shadow, 0.7, 0.88, 0.13, 0.1)
    pen.oval(belly, 0.5, 0.68, 0.12, 0.18)
    for x in (0.42, 0.58):
        pen.box(coat, x - 0.06, 0.62, x + 0.06, 0.97, 0.06)
        pen.oval(belly, x, 0.955, 0.07, 0.035)
    pen.oval(coat, 0.5, 0.33, 0.24, 0.18)


def _face(pen: Pen, eye: Color, nose: Color, y: float = 0.32) -> None:
    for x in (0.405, 0.595):
        pen.oval(eye, x, y, 0.042, 0.036)
        pen.oval((16, 16, 20), x, y, 0.018, 0.03)
        pen.oval((255, 255, 255), x - 0.012, y - 0.012, 0.01, 0.008)
    pen.poly(nose, (0.47, y + 0.065), (0.53, y + 0.065), (0.5, y + 0.095))


def cat(pen: Pen, ink: Ink) -> None:
    coat = ink.of((72, 70, 82))
    belly = mix(coat, (255, 248, 236), 0.3)
    pen.arc(coat, (0.6, 0.52, 0.98, 0.98), -80, 110, 0.075)
    pen.oval(coat, 0.81, 0.53, 0.038, 0.026)
    for side in (-1, 1):
        pen.poly(coat, (0.5 + side * 0.22, 0.29), (0.5 + side * 0.215, 0.06), (0.5 + side * 0.05, 0.2))
        pen.poly(
            mix(coat, (236, 150, 150), 0.6),
            (0.5 + side * 0.195, 0.23),
            (0.5 + side * 0.19, 0.11),
            (0.5 + side * 0.1, 0.19),
        )
    _sitting(pen, coat, belly)
    _face(pen, ink.glow if ink.is_dark else (226, 196, 84), (222, 140, 140))
    for side in (-1, 1):
        for tilt in (-0.02, 0.012):
            pen.line(mix(coat, (255, 255, 255), 0.6), 0.006, (0.5 + side * 0.1, 0.4), (0.5 + side * 0.33, 0.4 + tilt))


def fox(pen: Pen, ink: Ink) -> None:
    coat, white = ink.of((224, 112, 44)), ink.fixed((252, 240, 226))
    pen.oval(coat, 0.8, 0.78, 0.15, 0.2)
    pen.oval(white, 0.85, 0.64, 0.08, 0.09)
    for side in (-1, 1):
        pen.poly(coat, (0.5 + side * 0.23, 0.3), (0.5 + side * 0.24, 0.03), (0.5 + side * 0.04, 0.2))
        pen.poly(
            ink.fixed((60, 40, 40)), (0.5 + side * 0.205, 0.2), (0.5 + side * 0.21, 0.08), (0.5 + side * 0.11, 0.17)
        )
    _sitting(pen, coat, white)
    for side in (-1, 1):
        pen.poly(white, (0.5 + side * 0.235, 0.35), (0.5, 0.36), (0.5, 0.5))
    pen.poly(coat, (0.42, 0.28), (0.58, 0.28), (0.5, 0.46))
    _face(pen, ink.fixed((60, 40, 34)), (30, 26, 30), 0.325)
    pen.oval(ink.fixed((30, 26, 30)), 0.5, 0.465, 0.04, 0.026)


def dog(pen: Pen, ink: Ink) -> None:
    coat = ink.of((190, 142, 92))
    pen.line(coat, 0.07, (0.7, 0.86), (0.86, 0.76), (0.92, 0.62))
    _sitting(pen, coat, mix(coat, (255, 248, 236), 0.55))
    ear = mix(coat, (60, 36, 24), 0.5)
    for side in (-1, 1):
        pen.oval(ear, 0.5 + side * 0.235, 0.33, 0.075, 0.15)
    pen.oval(mix(coat, (255, 248, 236), 0.6), 0.5, 0.41, 0.12, 0.085)
    _face(pen, ink.fixed((70, 44, 30)), (34, 28, 30), 0.31)
    pen.oval(ink.fixed((34, 28, 30)), 0.5, 0.385, 0.045, 0.03)
    pen.oval(ink.fixed((226, 110, 118)), 0.5, 0.475, 0.032, 0.032)


def birds(pen: Pen, ink: Ink) -> None:
    color = ink.own or mix(ink.dark, ink.light, 0.12)
    for x, y, size in ((0.2, 0.5, 0.16), (0.48, 0.3, 0.2), (0.74, 0.56, 0.14), (0.88, 0.24, 0.1), (0.36, 0.76, 0.11)):
        for side in (-1, 1):
            tip, knee = (x + side * size, y - size * 0.5), (x + side * size * 0.5, y - size * 0.7)
            pen.poly(color, (x, y), knee, tip, (x + side * size * 0.5, y - size * 0.42))
        pen.oval(color, x, y - 0.01, size * 0.13, size * 0.18)


def whale(pen: Pen, ink: Ink) -> None:
    skin = ink.of((64, 96, 132))
    spray = mix(ink.light, skin, 0.12)
    for side in (-1, 1):
        pen.arc(
            spray,
            (0.23 + side * 0.07, 0.2, 0.37 + side * 0.07, 0.56),
            180 if side > 0 else 270,
            270 if side > 0 else 360,
            0.018,
        )
    pen.poly(skin, (0.7, 0.7), (0.86, 0.34), (0.93, 0.4), (0.8, 0.92))
    pen.poly(skin, (0.9, 0.38), (0.78, 0.2), (0.87, 0.26), (0.9, 0.3), (0.94, 0.25), (1, 0.2), (0.95, 0.4))
    pen.oval(skin, 0.42, 0.72, 0.4, 0.3)
    pen.poly(skin, (0.5, 0.5), (0.8, 0.66), (0.82, 0.95), (0.4, 0.95))
    belly = mix(skin, (255, 255, 255), 0.55)
    pen.poly(belly, (0.05, 0.84), (0.46, 0.84), (0.62, 0.98), (0.12, 0.98))
    for line in range(4):
        pen.line(mix(belly, skin, 0.4), 0.006, (0.08, 0.865 + line * 0.03), (0.5, 0.865 + line * 0.03))
    pen.oval((18, 22, 30), 0.16, 0.73, 0.017, 0.026)


def robot(pen: Pen, ink: Ink) -> None:
    metal = ink.of((150, 172, 190))
    dark = mix(metal, (20, 24, 34), 0.62)
    pen.line(dark, 0.02, (0.5, 0.16), (0.5, 0.06))
    pen.oval(ink.glow, 0.5, 0.05, 0.045, 0.03)
    for side in (-1, 1):
        pen.line(
            mix(metal, dark, 0.4), 0.07, (0.5 + side * 0.27, 0.52), (0.5 + side * 0.39, 0.64), (0.5 + side * 0.36, 0.76)
        )
        pen.oval(dark, 0.5 + side * 0.36, 0.78, 0.06, 0.04)
        pen.box(mix(metal, dark, 0.4), 0.5 + side * 0.13 - 0.06, 0.78, 0.5 + side * 0.13 + 0.06, 0.95, 0.02)
        pen.box(dark, 0.5 + side * 0.14 - 0.1, 0.93, 0.5 + side * 0.14 + 0.1, 0.99, 0.03)
    pen.box(metal, 0.24, 0.46, 0.76, 0.82, 0.08)
    pen.box(mix(metal, (255, 255, 255), 0.35), 0.33, 0.53, 0.67, 0.7, 0.04)
    for index, color in enumerate(((226, 84, 74), (240, 190, 70), (88, 190, 120))):
        pen.oval(color, 0.41 + index * 0.09, 0.615, 0.03, 0.022)
    pen.box(mix(metal, dark, 0.4), 0.43, 0.4, 0.57, 0.48)
    pen.box(metal, 0.22, 0.15, 0.78, 0.42, 0.1)
    pen.box(dark, 0.28, 0.2, 0.72, 0.36, 0.07)
    for x in (0.39, 0.61):
        pen.oval(mix(ink.glow, (120, 230, 255), 0.6), x, 0.28, 0.055, 0.04)


def person(pen: Pen, ink: Ink) -> None:
    coat, skin = ink.of((196, 74, 60)), ink.fixed((226, 178, 146))
    dark = ink.fixed((44, 42, 56))
    for side in (-1, 1):
        pen.box(dark, 0.5 + side * 0.1 - 0.07, 0.7, 0.5 + side * 0.1 + 0.07, 0.98, 0.04)
        pen.oval(mix(dark, BLACK, 0.3), 0.5 + side * 0.12, 0.975, 0.11, 0.024)
        pen.line(mix(coat, ink.dark, 0.14), 0.11, (0.5 + side * 0.18, 0.34), (0.5 + side * 0.26, 0.6))
        pen.oval(skin, 0.5 + side * 0.265, 0.625, 0.055, 0.026)
    pen.poly(coat, (0.32, 0.3), (0.68, 0.3), (0.8, 0.78), (0.2, 0.78))
    pen.oval(coat, 0.5, 0.31, 0.18, 0.05)
    pen.oval(skin, 0.5, 0.17, 0.16, 0.085)
    pen.poly(dark, (0.32, 0.17), (0.34, 0.09), (0.5, 0.06), (0.66, 0.09), (0.68, 0.17), (0.62, 0.135), (0.38, 0.135))
    pen.box(mix(coat, ink.light, 0.45), 0.34, 0.255, 0.66, 0.3, 0.05)
