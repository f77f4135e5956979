import numpy as np
import pytest

from hat.errors import ConfigError
from hat.scoring.collapsed.transformer import balanced_weights
from hat.scoring.epsinas_scorer import READ_OUTS, TOKENS, EpsinasScorer
from hat.scoring.static import config_that_holds


def test_scores_do_not_depend_on_the_company(rng, tiny_space):
    scorer = EpsinasScorer(tiny_space, qkv_dim=16)
    archs = [tiny_space.sample(rng) for _ in range(70)]  # more than two chunks
    together = scorer.score(archs)
    assert together.shape == (70,)
    assert np.isfinite(together).all()
    alone = [scorer.score([arch])[0] for arch in archs[:10]]
    np.testing.assert_allclose(together[:10], alone, rtol=1e-12)
    np.testing.assert_allclose(scorer.score(archs[::-1])[::-1], together, rtol=1e-12)
    assert scorer.score([]).shape == (0,)


def test_seeds_decide(rng, tiny_space):
    archs = [tiny_space.sample(rng) for _ in range(5)]
    first, same, other = (
        EpsinasScorer(tiny_space, qkv_dim=16, seed=seed).score(archs) for seed in (0, 0, 1)
    )
    assert (first == same).all()
    assert (first != other).all()


@pytest.mark.parametrize("pre_norm", [False, True])
def test_zero_is_the_limit_of_small_constants(rng, tiny_space, pre_norm):
    archs = [tiny_space.sample(rng) for _ in range(10)]
    _, high = balanced_weights(tiny_space)
    options = {"encoder_normalize_before": pre_norm, "decoder_normalize_before": pre_norm}
    exact = EpsinasScorer(tiny_space, qkv_dim=16, **options).score(archs)
    for low, tolerance in ((1e-2 * high, 1e-2), (1e-5 * high, 1e-6)):
        scorer = EpsinasScorer(tiny_space, qkv_dim=16, weights=(low, high), **options)
        np.testing.assert_allclose(scorer.score(archs), exact, rtol=tolerance)


def test_both_read_outs_are_averaged(rng, tiny_space):
    archs = [tiny_space.sample(rng) for _ in range(5)]
    both, decoder, encoder, geometric = (
        EpsinasScorer(tiny_space, qkv_dim=16, read_out=read_out).score(archs)
        for read_out in READ_OUTS
    )
    np.testing.assert_allclose(both, (decoder + encoder) / 2)
    np.testing.assert_allclose(geometric**2, decoder * encoder)


def test_quantiles_vary_less_from_batch_to_batch(rng, tiny_space):
    archs = [tiny_space.sample(rng) for _ in range(10)]
    spread = {}
    for tokens in TOKENS:
        scores = [
            EpsinasScorer(tiny_space, qkv_dim=16, seed=seed, tokens=tokens).score(archs)
            for seed in range(20)
        ]
        spread[tokens] = np.std(scores, axis=0).mean()
    assert 0 < spread["quantiles"] < spread["normal"]


def test_deeper_decoders_score_higher_on_average(rng, tiny_space):
    archs = [tiny_space.sample(rng) for _ in range(200)]
    scores = EpsinasScorer(tiny_space, qkv_dim=16).score(archs)
    depths = np.array([arch.decoder.num_layers for arch in archs])
    means = [scores[depths == depth].mean() for depth in (1, 2, 3)]
    assert means == sorted(means)


def test_layer_norm_leaves_nothing_to_score(tiny_space):
    scorer = EpsinasScorer(tiny_space, qkv_dim=16, norm="layer")
    assert np.isnan(scorer.score([tiny_space.largest()])).all()


def test_the_constants_balance_blocks_and_residuals(tiny_space):
    low, high = balanced_weights(tiny_space)
    embed_dim, ffn_dim = np.mean([32, 24, 32, 16]), np.mean([48, 32, 16] * 2)
    assert low == 0.0
    assert high**2 * embed_dim * ffn_dim == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("sides", "named"),
    [((), "none"), (("encoder",), "encoder"), (("decoder",), "decoder"),
     (("encoder", "decoder"), "both")],
)  # fmt: skip
def test_scores_are_those_of_the_model_that_is_searched(rng, tiny_space, sides, named):
    archs = [tiny_space.sample(rng) for _ in range(5)]
    options = {f"{side}_normalize_before": True for side in sides}
    config = config_that_holds(archs, qkv_dim=16, **options)
    scorer = EpsinasScorer.of_model(tiny_space, config, seed=3)
    assert scorer.signature_parts["pre_norm"] == named
    expected = EpsinasScorer(tiny_space, qkv_dim=16, seed=3, **options).score(archs)
    np.testing.assert_array_equal(scorer.score(archs), expected)
    post_norm = EpsinasScorer(tiny_space, qkv_dim=16, seed=3).score(archs)
    assert (expected == post_norm).all() == (not sides)


def test_the_signature_holds_what_a_repetition_needs(tiny_space):
    parts = EpsinasScorer(tiny_space, qkv_dim=16, seed=7).signature_parts
    assert parts["seed"] == 7
    assert parts["batch"] == "normal-16x24"
    assert parts["readout"] == "both"
    assert str(parts["weights"]).startswith("0.000e+00,")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "batch"}, "unknown normalisation 'batch'; known are tokens, tokens-filled"),
        (
            {"read_out": "logits"},
            "unknown read-out 'logits'; known are both, decoder, encoder, geometric",
        ),
        ({"tokens": "words"}, "unknown kind of tokens 'words'; known are normal, quantiles"),
        ({"weights": (1.0, 0.5)}, "must be 0 <= low < high, but found 1 and 0.5"),
        ({"sentences": 1, "length": 2}, "needs at least 3 tokens, but 1 sentences of 2"),
    ],
)
def test_bad_options_are_one_clear_sentence(tiny_space, options, message):
    with pytest.raises(ConfigError, match=message):
        EpsinasScorer(tiny_space, qkv_dim=16, **options)
