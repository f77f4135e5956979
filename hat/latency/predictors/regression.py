"""Least squares that disturbed rows do not bend and that needs few rows for many columns."""

import warnings

import numpy as np

from hat.arrays import Floats

HUBER_CORNER = 1.345
"""Residuals beyond so many robust deviations count linearly (95 % efficient for normal noise)."""

_STRENGTHS = tuple(10.0 ** (exponent / 4) for exponent in range(-24, 9))
"""Of ``robust_shrunk``, per row and for columns of unit size."""

_ROUNDS = 2
_MAX_ITERATIONS = 50


def fit_prices(columns: Floats, goal: Floats, *, robust: bool = True) -> Floats:
    """Finds (P,) prices with ``columns @ prices`` near ``goal``, and only as many as data supports.

    Automatic relevance determination: every column has a penalty of its own, which the evidence of
    the data sets (MacKay, 1992; Tipping, "Sparse Bayesian Learning and the Relevance Vector
    Machine", JMLR 2001; here scikit-learn's ``ARDRegression``), and columns that explain nothing
    vanish. So 40 rows give a plain model and 2,000 a detailed one, and nothing has to be tuned.

    Args:
        columns: (N, P).
        goal: (N,).
        robust: Huber's loss, by iteratively reweighted least squares, instead of the squared one.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import ARDRegression

    size = _sizes(columns)
    scaled = columns / size
    weights = np.ones(len(goal))
    if robust:
        _, weights = robust_ridge(columns, goal, np.full(columns.shape[1], 1e-4))
    regression = ARDRegression(fit_intercept=False, max_iter=_MAX_ITERATIONS)
    for _ in range(_ROUNDS if robust else 1):
        root = np.sqrt(weights)
        with warnings.catch_warnings():
            # The last digits of the penalties of vanished columns do not matter.
            warnings.simplefilter("ignore", ConvergenceWarning)
            regression.fit(scaled * root[:, None], goal * root)
        weights = _huber_weights(goal - scaled @ regression.coef_)
    prices: Floats = regression.coef_ / size
    return prices


def robust_ridge(
    columns: Floats,
    goal: Floats,
    penalties: Floats,
    *,
    weights: Floats | None = None,
    rounds: int = 3,
) -> tuple[Floats, Floats]:
    """Finds (P,) prices with ``columns @ prices`` near ``goal``.

    Iteratively reweighted least squares for Huber's loss; one round is plain least squares.

    Args:
        columns: (N, P).
        goal: (N,).
        penalties: (P,) ridge strengths per row for columns of unit size.
        weights: (N,) row weights to start from.
        rounds: how often to solve.

    Returns:
        The prices and the (N,) weights after the last round.
    """
    from sklearn.linear_model import Ridge

    size = _sizes(columns)
    # Ridge knows one penalty for all columns: a column divided by the root of its own penalty
    # is penalised as if it had that one.
    stretch = size * np.sqrt(penalties * len(columns))
    stretched = columns / stretch
    ridge = Ridge(alpha=1.0, fit_intercept=False, solver="cholesky")
    current = np.ones(len(goal)) if weights is None else weights
    for _ in range(rounds):
        ridge.fit(stretched, goal, sample_weight=current if rounds > 1 else None)
        current = _huber_weights(goal - stretched @ ridge.coef_)
    return ridge.coef_ / stretch, current


def robust_shrunk(columns: Floats, goal: Floats, *, free: int, rounds: int = 3) -> Floats:
    """Finds (P,) prices with ``columns @ prices`` near ``goal``, most of them pulled to zero.

    Ridge regression whose strength maximises the restricted likelihood of the rows (Patterson &
    Thompson, Biometrika 1971) on a grid, so that nothing has to be tuned; Huber's loss by
    iteratively reweighted least squares.

    Args:
        columns: (N, P).
        goal: (N,).
        free: how many of the first columns are not pulled.
        rounds: how often weights are found and used.
    """
    size = _sizes(columns)
    scaled = columns / size
    weights = np.ones(len(goal))
    prices = np.zeros(columns.shape[1])
    for _ in range(rounds):
        root = np.sqrt(weights)
        rows = scaled * root[:, None]
        prices = _shrunk(rows[:, :free], rows[:, free:], goal * root)
        weights = _huber_weights(goal - scaled @ prices)
    shrunk: Floats = prices / size
    return shrunk


def _shrunk(fixed: Floats, pulled: Floats, goal: Floats) -> Floats:
    """Prices of ``fixed`` and then ``pulled``, at the most probable of ``_STRENGTHS``.

    With all but the fixed prices left to chance, rows have the covariance I + Z Z^T / (strength N),
    Z being ``pulled``. Its inverse is known in the few directions of Z, so that no matrix has as
    many rows as there are measurements.
    """
    count, best = len(goal), None
    directions, sizes, back = np.linalg.svd(pulled, full_matrices=False)
    fixed_in, goal_in = directions.T @ fixed, directions.T @ goal
    fixed_out, goal_out = fixed - directions @ fixed_in, goal - directions @ goal_in
    for strength in _STRENGTHS:
        ridge = strength * count
        left = ridge / (sizes**2 + ridge)  # of a row's part in each direction
        products = fixed_out.T @ fixed_out + fixed_in.T @ (left[:, None] * fixed_in)
        right = fixed_out.T @ goal_out + fixed_in.T @ (left * goal_in)
        found = np.linalg.lstsq(products, right, rcond=None)[0]
        rest_in, rest_out = goal_in - fixed_in @ found, goal_out - fixed_out @ found
        unlikely = (
            (count - fixed.shape[1]) * np.log(rest_out @ rest_out + left @ rest_in**2 + 1e-300)
            - np.log(left).sum()
            + np.linalg.slogdet(products)[1]
        )
        if best is None or unlikely < best[0]:
            others = back.T @ (sizes / (sizes**2 + ridge) * rest_in)
            best = (unlikely, np.concatenate([found, others]))
    assert best is not None
    prices: Floats = best[1]
    return prices


def _sizes(columns: Floats) -> Floats:
    """The root mean square of each column; 1 for an empty one."""
    size: Floats = np.sqrt((columns**2).mean(axis=0))
    size[size == 0] = 1.0
    return size


def _huber_weights(residuals: Floats) -> Floats:
    distance = np.abs(residuals)
    corner = HUBER_CORNER * 1.4826 * float(np.median(distance)) + 1e-12
    weights: Floats = 1 / np.maximum(1.0, distance / corner)
    return weights
