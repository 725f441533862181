"""Pictures of a recording: one that moves, and a still one. No fonts, scripts or links: a browser, a printer and GitHub show
them as they are.

Each line of the terminal is a strip with all that it ever shows, one beside the other; the animation of a line moves
its strip. A line that doesn't change costs nothing, and text that is shown twice is there once.
"""

from xml.sax.saxutils import escape

CELL, LINE, SIZE = 8.0, 19, 13.4
MARGIN, BAR = 14, 30
BACKGROUND, FRAME, TEXT, FAINT = "#171b22", "#39424e", "#d5dae2", "#8b95a3"
COLORS = {
    "black": "#5c6673",
    "red": "#ff7b72",
    "green": "#7ee787",
    "brown": "#e3b341",
    "blue": "#79c0ff",
    "magenta": "#d2a8ff",
    "cyan": "#7ddce8",
    "white": "#ffffff",
}
FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"


def number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".")


def color(name):
    if name == "default":
        return TEXT
    if name in COLORS:
        return COLORS[name]
    if name.startswith("bright"):
        return COLORS.get(name.removeprefix("bright"), TEXT)
    return f"#{name}" if len(name) == 6 else TEXT


def content(runs, cursor):
    """One line, as SVG."""
    parts = []
    for column, text, style in runs:
        x, width = column * CELL, len(text) * CELL
        fill = color(style.color)
        if style.reverse:
            parts.append(f'<rect x="{number(x)}" width="{number(width)}" height="{LINE}" fill="{fill}"/>')
            fill = BACKGROUND
        if not text.strip():
            continue
        look = "" if fill == TEXT else f' fill="{fill}"'
        look += ' font-weight="bold"' if style.bold else ""
        # the width is said, so that columns stand below one another in any font
        length = f' textLength="{number(width)}"' if len(text) > 1 else ""
        parts.append(f'<text x="{number(x)}" y="14"{length}{look}>{escape(text)}</text>')
    if cursor is not None:
        parts.append(f'<rect x="{number(cursor * CELL)}" y="2" width="{number(CELL)}" height="16" fill="{FAINT}"/>')
    return "".join(parts)


def strips(moments, rows):
    """For each row what it shows, as (from when, content) with changes alone."""
    found = [[(0.0, "")] for _ in range(rows)]
    for at, lines, cursor in moments:
        for row in range(rows):
            shown = content(lines[row], cursor[0] if cursor and cursor[1] == row else None)
            if found[row][-1][1] != shown:
                if found[row][-1][0] == at:
                    found[row].pop()
                found[row].append((at, shown))
    return found


def picture(columns, rows, title, style, definitions, body):
    width, height = columns * CELL + 2 * MARGIN, rows * LINE + BAR + MARGIN
    dots = "".join(f'<circle cx="{MARGIN + 6 + 18 * at}" cy="16" r="5" fill="{FRAME}"/>' for at in range(3))
    head = f'<text x="{number(width / 2)}" y="20" text-anchor="middle" fill="{FAINT}">{escape(title)}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {height}" width="{number(width)}" '
        f'height="{height}" role="img" aria-label="{escape(title)}" font-family="{FONT}" font-size="{SIZE}" fill="{TEXT}">'
        f"<title>{escape(title)}</title><style>text{{white-space:pre}}{style}</style>"
        f'<rect x=".5" y=".5" width="{number(width - 1)}" height="{height - 1}" rx="8" fill="{BACKGROUND}" stroke="{FRAME}"/>'
        f"{dots}{head}<defs>{definitions}</defs>{body}</svg>\n"
    )


def still(moments, _, columns, rows, title):
    """The last moment."""
    last = [row[-1][1] for row in strips(moments, rows)]
    body = "".join(
        f'<g transform="translate({MARGIN} {BAR + row * LINE})">{shown}</g>' for row, shown in enumerate(last) if shown
    )
    return picture(columns, rows, title, "", "", body)


def animated(moments, length, columns, rows, title):
    width = columns * CELL
    names, definitions, style, body = {}, [], [], []
    for row, shown in enumerate(strips(moments, rows)):
        if len(shown) == 1 and not shown[0][1]:
            continue
        places, cells, frames = {}, [], []
        for at, text in shown:
            if text and text not in names:
                names[text] = f"a{len(names):x}"
                definitions.append(f'<g id="{names[text]}">{text}</g>')
            if text not in places:
                places[text] = len(places)
                if text:
                    cells.append(f'<use href="#{names[text]}" x="{number(places[text] * width)}"/>')
            frames.append(f"{number(100 * at / length)}%{{transform:translate({number(-places[text] * width)}px)}}")
        last = number(-places[shown[-1][1]] * width)
        # a line of its own, which cuts off the rest of the strip
        body.append(
            f'<svg x="{MARGIN}" y="{BAR + row * LINE}" width="{number(width)}" height="{LINE}">'
            f'<g class="r" id="r{row}" transform="translate({last})">{"".join(cells)}</g></svg>'
        )
        style.append(f"@keyframes k{row}{{{''.join(frames)}}}#r{row}{{animation-name:k{row}}}")
    style.append(f".r{{animation:{number(length)}s step-end infinite}}")
    style.append("@media print,(prefers-reduced-motion:reduce){.r{animation:none!important}}")
    # the shorthand comes first, or it would take the names away
    style.insert(0, style.pop(-2))
    return picture(columns, rows, title, "".join(style), "".join(definitions), "".join(body))
