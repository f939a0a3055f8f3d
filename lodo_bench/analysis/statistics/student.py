"""Student's t distribution with whole degrees of freedom, in closed form."""

from __future__ import annotations

import math

_HALVINGS = 80  # of an angle below π/2: down to the spacing of numbers near 0


def two_sided_quantile(probability: float, degrees: int) -> float:
    """Return the t that |T| is below with a probability, for T with this many degrees of freedom.

    Args:
        probability: in (0, 1).
        degrees: whole degrees of freedom (>= 1).
    """
    low, high = 0.0, math.pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _probability(middle, degrees) < probability else (low, middle)
    return math.tan(low) * math.sqrt(degrees)


def _probability(angle: float, degrees: int) -> float:
    """Return the probability of |T| < √ν tan θ: a finite sum of powers of cos θ.

    For odd ν it is 2/π (θ + sin θ (cos θ + 2/3 cos³ θ + (2 · 4)/(3 · 5) cos⁵ θ + ...)), for even ν sin θ (1 +
    1/2 cos² θ + (1 · 3)/(2 · 4) cos⁴ θ + ...), both up to the power ν - 2 (Abramowitz and Stegun, "Handbook of
    Mathematical Functions", 26.7.3 and 26.7.4).
    """
    is_odd = degrees % 2 == 1
    square, term = math.cos(angle) ** 2, math.cos(angle) if is_odd else 1.0
    terms = []
    for power in range(1 if is_odd else 0, degrees - 1, 2):
        terms.append(term)
        term *= square * (power + 1) / (power + 2)
    total = math.sin(angle) * math.fsum(terms)
    return 2 / math.pi * (angle + total) if is_odd else total
