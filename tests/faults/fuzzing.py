"""Random input, the same in every run: texts that have broken programs, and mutations of good ones."""

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

SEED = 20240506

MARKUP = (
    "[red]x[/red]",
    "[/]",
    "[link=file:///etc/passwd]x",
    "<xinject>",
    "</script><xinject>",
    '"><xinject onload="',
    "&lt;b&gt;",
    "a|b",
    "a\\|b",
    "`code`",
    "*a* _b_ #c",
    "![x](javascript:y)",
    "$\\frac{$",
    "$x^$",
    "$$",
    "\\input{/etc/passwd}",
    "a&b%c_d#e~f^g{h}",
    "{{ 7 * 7 }}",
    "{% if %}",
    "${HOME}",
    "%s %d {0}",
    "=1+1",
    "'; DROP TABLE studies; --",
)
CONTROLS = (
    "\x1b[31m",
    "\x07",
    "\x7f",
    "\x9b2J",
    "a\rb",
    "a\nb",
    "a\tb",
    "\u202eabc",
    "\u2066",
    "\u2028",
    "\ufeff",
    "\x01",
)
WORDS = (
    "",
    " ",
    "-",
    "--",
    "é",
    "日本語",
    "שלום",
    "👩‍🔬",
    "\u0301",
    "a" * 300,
    "٣",
    "１２",
    "²",
    "½",
    "true",
    "null",
    "tune",
)
_WRITTEN = (
    "0 -0 1 -1 +5 007 010 1:40 1_0 1e3 1e-3 1e400 -1e400 1e-400 nan inf -inf Infinity .5 5. . 1e 0x10 0o10 0b1 1,5 "
    "10**30 1.5 1j 100000000000 1e15 1e16 1e300 yes off True None 2020-01-01"
)
NUMBERS = (
    *_WRITTEN.split(),
    *("1 000", " 5 ", "5\n", "0." + "0" * 500 + "1", "9" * 15, "9" * 16, "9" * 20, "9" * 400, "9" * 5000),
    *(str(2**31), str(2**63), str(2**63 - 1), str(2**64)),
)

# What a command line can contain: any text without NUL, with bytes that are no text.
_characters = st.characters(exclude_characters="\x00", exclude_categories=("Cs",))
_bytes = st.integers(0xDC80, 0xDCFF).map(chr)
texts = st.one_of(
    st.sampled_from(MARKUP + CONTROLS + WORDS),
    st.text(_characters, max_size=12),
    st.text(st.one_of(_characters, _bytes), max_size=6),
)
numbers = st.one_of(
    st.sampled_from(NUMBERS),
    st.integers(-(10**30), 10**30).map(str),
    st.floats().map(repr),
    st.text("0123456789+-.eE_x ", max_size=8),
)
values = st.one_of(numbers, texts)
# What functions of Python may be given where a number is wanted.
objects = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.fractions(),
    st.complex_numbers(),
    st.decimals(),
    st.binary(max_size=4),
    values,
    st.lists(st.integers(), max_size=2),
)


def fuzz(cases, strategy, check):
    """Try `check` on this many examples of a strategy, the same ones each time."""
    print(f"seed {SEED}, {cases} cases")
    run = hypothesis.given(strategy)(check)
    phases = (Phase.explicit, Phase.generate, Phase.shrink)
    checks = list(HealthCheck)
    limits = settings(max_examples=cases, deadline=None, database=None, phases=phases, suppress_health_check=checks)
    hypothesis.seed(SEED)(limits(run))()


@st.composite
def mutated(draw, documents):
    """One of the texts of a format, changed at a few places."""
    lines = draw(st.sampled_from(documents)).splitlines()
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(lines) - 1))
        head, colon, _ = lines[index].partition(":")
        kind = draw(st.sampled_from(("value", "value", "value", "line", "double", "cut", "insert", "indent", "swap")))
        if kind == "value" and colon:
            lines[index] = f"{head}: {draw(_nodes)}"
        elif kind == "line":
            lines[index] = draw(_nodes)
        elif kind == "double":
            lines.insert(index, lines[index])
        elif kind == "cut":
            lines[index] = lines[index][: draw(st.integers(0, len(lines[index])))]
        elif kind == "insert":
            place = draw(st.integers(0, len(lines[index])))
            lines[index] = lines[index][:place] + draw(values) + lines[index][place:]
        elif kind == "indent":
            lines[index] = draw(st.sampled_from((" ", "\t", "- ", "? ", "  - "))) + lines[index]
        else:
            lines.append(lines.pop(index))
    return "\n".join(lines) + "\n"


_FLOW = "[] {} [1,2] {a:1} *x << {<<:3} [*x] !x {a:{b:[~]}} --- % ? - | > # & * ! @ ,"
_LONG = ("&x 1", "&x [*x]", "!!int x", "!!python/name:os ", "[" * 200, "1 # x", "!!str 1", "? a", "--- a", "> a")
_nodes = st.one_of(
    values,
    values.map(lambda value: f"'{value}'"),
    st.text(max_size=8).map(
        lambda text: '"' + text.encode("unicode_escape", "surrogatepass").decode().replace('"', "") + '"'
    ),
    st.sampled_from((*_FLOW.split(), *_LONG)),
)
