import numpy as np
import pytest
import torch

from hat.arch.cell import OPERATIONS, random_cell
from hat.errors import ConfigError, DataError
from hat.models.gcn import GcnEnsemble
from hat.models.gcn_training import PAPER, PredictorSettings
from hat.scoring.cross_validation import best_by_kendall, cross_validate
from hat.scoring.graph_encoding import encode_cells, encode_subtransformers
from hat.scoring.neural_predictor import FeatureScale, NeuralPredictor, ScoreScale
from hat.scoring.prediction import Prediction
from hat.scoring.rank_stats import rank_stats
from hat.scoring.selection import select
from hat.scoring.two_stage import TwoStagePredictor

SMALL = PredictorSettings(members=2, epochs=40, gcn_dim=24, hidden_dim=16, min_steps=200)


def truth(cells):
    """An invented accuracy: convolutions and depth help, pooling hurts; some trainings fail."""
    weights = dict(zip(OPERATIONS, (0.03, 0.02, -0.01), strict=True))
    return np.array(
        [
            0.8 + sum(weights.get(name, 0.0) for name in cell.operations) - 0.002 * cell.num_edges
            for cell in cells
        ]
    )


@pytest.fixture(scope="module")
def cells():
    rng = np.random.default_rng(1)
    return list(dict.fromkeys(random_cell(rng) for _ in range(400)))


@pytest.fixture(scope="module")
def fitted(cells):
    predictor = NeuralPredictor(encode_cells, higher_is_better=True, settings=SMALL)
    predictor.fit(cells[:100], truth(cells[:100]), rng=np.random.default_rng(0))
    return predictor


def test_learns_to_rank(fitted, cells):
    rest = cells[100:]
    prediction = fitted.predict(rest)
    assert rank_stats(prediction.mean, truth(rest)).kendall > 0.8
    assert np.abs(prediction.mean - truth(rest)).mean() < 0.01
    assert (prediction.std > 0).all()
    assert fitted.score(rest).tolist() == prediction.mean.tolist()
    assert fitted.predict([]).mean.shape == (0,)


def test_same_seed_same_networks_and_torch_is_left_alone(fitted, cells):
    state = torch.random.get_rng_state()
    again = NeuralPredictor(encode_cells, higher_is_better=True, settings=SMALL)
    again.fit(cells[:100], truth(cells[:100]), rng=np.random.default_rng(0))
    assert np.array_equal(again.score(cells), fitted.score(cells))
    again.fit(cells[:100], truth(cells[:100]), rng=np.random.default_rng(1))
    assert not np.array_equal(again.score(cells), fitted.score(cells))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_scores_that_are_missing_are_left_out(cells):
    scores = truth(cells[:100])
    settings = PredictorSettings(members=1, epochs=1, min_steps=5, gcn_dim=8)
    one = NeuralPredictor(encode_cells, higher_is_better=True, settings=settings)
    one.fit(cells[:50], scores[:50], rng=np.random.default_rng(0))
    two = NeuralPredictor(encode_cells, higher_is_better=True, settings=settings)
    gaps = np.where(np.arange(100) < 50, scores, np.nan)
    two.fit(cells[:100], gaps, rng=np.random.default_rng(0))
    assert np.array_equal(one.score(cells), two.score(cells))


def test_errors(cells):
    predictor = NeuralPredictor(encode_cells, higher_is_better=True, settings=SMALL)
    with pytest.raises(DataError, match="neural-predictor must be trained before it can predict"):
        predictor.score(cells[:2])
    with pytest.raises(DataError, match=r"at least 2 architectures with a score .* but found 1"):
        predictor.fit(cells[:2], np.array([0.5, np.nan]), rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="members must be at least 1, but found 0"):
        PredictorSettings(members=0)
    with pytest.raises(ConfigError, match="target must be asinh or standard, but found 'log'"):
        PredictorSettings(target="log")
    with pytest.raises(ConfigError, match=r"dropout_p must lie in \[0, 1\), but found 1"):
        PredictorSettings(dropout_p=1)
    with pytest.raises(ConfigError, match=r"bad_share must lie in \(0, 1\), but found 1.5"):
        TwoStagePredictor(encode_cells, higher_is_better=True, bad_share=1.5)


def test_equal_scores_do_not_divide_by_zero(cells):
    predictor = NeuralPredictor(encode_cells, higher_is_better=True, settings=SMALL)
    predictor.fit(cells[:10], np.full(10, 0.5), rng=np.random.default_rng(0))
    assert np.isfinite(predictor.score(cells)).all()


@pytest.mark.parametrize("target", ["asinh", "standard"])
def test_scale_goes_back_and_forth(target, rng):
    scores = np.concatenate([rng.normal(0.9, 0.02, 100), [0.1]])
    scale = ScoreScale.of(scores, target)
    assert np.allclose(scale.backward(scale.forward(scores)), scores)
    assert (np.diff(scale.forward(np.sort(scores))) >= 0).all()


def test_features_of_large_numbers_are_scaled_and_others_left(tiny_space, rng):
    graphs = encode_subtransformers([tiny_space.sample(rng) for _ in range(30)])
    tensors = FeatureScale.of(graphs).tensors(graphs)
    present = tensors.mask > 0
    assert np.array_equal(tensors.nodes[..., :2], graphs.nodes[..., :2])  # encoder or decoder
    widths = tensors.nodes[present][:, 4:6].numpy()
    assert np.allclose(widths.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(widths.std(axis=0), 1, atol=1e-5)
    assert not tensors.nodes[~present].any()


def test_a_failed_training_hardly_moves_the_scale(rng):
    scores = rng.normal(0.9, 0.02, 100)
    with_failure = ScoreScale.of(np.append(scores, 0.1), "asinh")
    assert abs(with_failure.spread / ScoreScale.of(scores, "asinh").spread - 1) < 0.1


def reference_forward(net, member, nodes, adjacency):
    """One graph through one network, written as the paper's formulas."""
    size = len(adjacency)
    forward = adjacency + np.eye(size)
    forward = forward / forward.sum(axis=1, keepdims=True)
    backward = adjacency.T + np.eye(size)
    backward = backward / backward.sum(axis=1, keepdims=True)
    x = nodes
    for convolution in net.convolutions:
        weight = convolution.both.weight[member].detach().double().numpy()
        along, against = np.split(weight, 2, axis=1)
        x = (np.maximum(forward @ x @ along, 0) + np.maximum(backward @ x @ against, 0)) / 2
    hidden = x.mean(axis=0) @ net.hidden.weight[member].detach().double().numpy()
    if net.hidden_relu:
        bias = net.hidden.bias[member, 0].detach().double().numpy()
        hidden = np.maximum(hidden + bias, 0)
    out = hidden @ net.out.weight[member].detach().double().numpy()
    return float(out[0] + (net.out.bias[member, 0, 0].item() if net.hidden_relu else 0))


@pytest.mark.parametrize("hidden_relu", [True, False])
def test_network_equals_the_formulas_one_graph_at_a_time(hidden_relu, cells):
    torch.manual_seed(0)
    net = GcnEnsemble(members=3, node_dim=11, gcn_dim=8, hidden_dim=6, hidden_relu=hidden_relu)
    for bias in (net.hidden.bias, net.out.bias):
        if bias is not None:
            torch.nn.init.normal_(bias)
    net.eval()
    few = cells[:20]
    graphs = encode_cells(few)
    tensors = FeatureScale.of(graphs).tensors(graphs)
    with torch.no_grad():
        shared = net(tensors)
        index = torch.arange(20).expand(3, 20)
        assert torch.allclose(net(tensors[index]), shared, atol=1e-6)
    for row, cell in enumerate(few):
        size = cell.num_vertices
        nodes = graphs.nodes[row, :size].astype(np.float64)
        for member in range(3):
            expected = reference_forward(net, member, nodes, np.array(cell.adjacency, float))
            assert shared[member, row].item() == pytest.approx(expected, abs=1e-5)


def test_the_members_do_not_touch_each_other():
    net = GcnEnsemble(members=3, node_dim=11, gcn_dim=8, hidden_dim=6)
    graphs = encode_cells([random_cell(np.random.default_rng(i)) for i in range(5)])
    net(FeatureScale.of(graphs).tensors(graphs))[1].sum().backward()
    for parameter in net.parameters():
        assert parameter.grad[1].any()
        assert not parameter.grad[[0, 2]].any()


def test_paper_settings_are_the_seed():
    assert (PAPER.gcn_layers, PAPER.gcn_dim, PAPER.hidden_dim) == (3, 144, 128)
    assert PAPER.num_steps(172) == 300 * 17
    assert PredictorSettings(epochs=10, min_steps=7, max_steps=50).num_steps(3200) == 50


def test_subtransformers_can_be_learned(tiny_space, rng):
    archs = list(dict.fromkeys(tiny_space.sample(rng) for _ in range(120)))

    def loss(arch):
        size = arch.encoder.embed_dim * sum(arch.encoder.ffn_dims)
        return 5 - np.log(size + 2 * arch.decoder.embed_dim * sum(arch.decoder.ffn_dims)) / 4

    losses = np.array([loss(arch) for arch in archs])
    predictor = NeuralPredictor(encode_subtransformers, higher_is_better=False, settings=SMALL)
    predictor.fit(archs[:80], losses[:80], rng=rng)
    assert rank_stats(predictor.score(archs[80:]), losses[80:]).kendall > 0.7


def test_two_stages(cells):
    scores = truth(cells)
    rng = np.random.default_rng(0)
    scores = np.where(scores < np.quantile(scores, 0.2), 0.1 + 0.1 * rng.random(len(cells)), scores)
    predictor = TwoStagePredictor(
        encode_cells, higher_is_better=True, bad_share=0.3, settings=SMALL
    )
    with pytest.raises(DataError, match="must be trained before it can predict"):
        predictor.accepts(cells[:1])
    predictor.fit(cells[:120], scores[:120], rng=rng)
    rest, rest_scores = cells[120:], scores[120:]
    accepted = predictor.accepts(rest)
    assert np.mean(accepted == (rest_scores > predictor.threshold)) > 0.85
    found = predictor.predict(rest).mean
    assert (found[~accepted] <= predictor.threshold).all()
    assert rank_stats(found, rest_scores).kendall > 0.6
    with pytest.raises(DataError, match=r"at least 5 good and bad .* of 8 with a score only"):
        predictor.fit(cells[:8], scores[:8], rng=rng)


def test_two_stages_of_a_loss(cells):
    predictor = TwoStagePredictor(
        encode_cells, higher_is_better=False, bad_share=0.3, settings=SMALL
    )
    losses = 1 - truth(cells)
    predictor.fit(cells[:120], losses[:120], rng=np.random.default_rng(0))
    found, accepted = predictor.score(cells[120:]), predictor.accepts(cells[120:])
    assert (found[~accepted] >= predictor.threshold).all()
    assert 0.5 < accepted.mean() < 0.9
    assert rank_stats(found, losses[120:]).kendall > 0.6


class Nearest:
    """Predicts by a feature alone; ``sign`` -1 makes it wrong on purpose."""

    def __init__(self, sign=1.0):
        self.sign, self.seen = sign, []

    def fit(self, archs, scores, *, rng):
        self.seen.append(len(archs))

    def predict(self, archs):
        return Prediction(self.sign * np.array(archs, dtype=float), np.zeros(len(archs)))


class Identity:
    """Scores numbers by themselves, and counts."""

    name, higher_is_better = "identity", True

    def __init__(self, higher_is_better=True):
        self.asked, self.higher_is_better = [], higher_is_better

    def score(self, archs):
        self.asked += archs
        return np.array(archs, dtype=float)


def test_cross_validation_prefers_the_one_that_is_right():
    numbers = [int(n) for n in np.random.default_rng(0).permutation(20)]
    results = cross_validate(
        {"wrong": lambda: Nearest(-1.0), "right": Nearest},
        numbers,
        np.array(numbers, dtype=float),
        num_folds=4,
        rng=np.random.default_rng(0),
    )
    assert results["right"].kendall == pytest.approx([1.0] * 4)
    assert results["right"].mse == 0
    assert results["wrong"].kendall == pytest.approx([-1.0] * 4)
    assert best_by_kendall(results) == "right"
    with pytest.raises(
        DataError, match=r"in 5 folds needs .* 2 architectures in each, but found 9"
    ):
        cross_validate({}, numbers[:9], np.arange(9.0), num_folds=5, rng=np.random.default_rng(0))


def test_selection():
    scorer = Identity()
    found = select(
        Nearest(),
        scorer,
        list(range(100)),
        num_train=10,
        num_verified=5,
        rng=np.random.default_rng(0),
    )
    assert found.winner == 99
    assert len(found.train) == 10
    rest = [n for n in range(99, 0, -1) if n not in found.train]
    assert list(found.verified) == rest[:5]
    assert len(scorer.asked) == 15
    with pytest.raises(ConfigError, match="cannot train on 3 and measure 2 more of 4"):
        select(
            Nearest(),
            scorer,
            [1, 2, 3, 4],
            num_train=3,
            num_verified=2,
            rng=np.random.default_rng(),
        )
