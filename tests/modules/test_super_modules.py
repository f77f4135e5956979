"""Every super module equals the plain module of the active size with copied slices."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from hat.errors import ConfigError
from hat.modules.attention import MultiheadAttentionSuper
from hat.modules.embedding import EmbeddingSuper
from hat.modules.layer_norm import LayerNormSuper
from hat.modules.linear import LinearSuper


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def randomise(module: nn.Module) -> nn.Module:
    """Random values everywhere: ones and zeros would not show a wrong slice."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    return module


def linear_pair() -> tuple[nn.Module, nn.Module, Tensor]:
    large = randomise(LinearSuper(8, 6))
    large.set_sample_config(5, 4)
    small = nn.Linear(5, 4)
    small.load_state_dict({"weight": large.weight[:4, :5], "bias": large.bias[:4]})
    return large, small, torch.randn(2, 3, 5)


def layer_norm_pair() -> tuple[nn.Module, nn.Module, Tensor]:
    large = randomise(LayerNormSuper(8))
    large.set_sample_config(5)
    small = nn.LayerNorm(5)
    small.load_state_dict({"weight": large.weight[:5], "bias": large.bias[:5]})
    return large, small, torch.randn(2, 3, 5)


class _FirstOutput(nn.Module):
    """torch's own attention with only its first result."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x)[0]


def attention_pair() -> tuple[nn.Module, nn.Module, Tensor]:
    large = randomise(MultiheadAttentionSuper(12, 4, qkv_dim=8))
    large.set_sample_config(8, 2)
    small = _FirstOutput(8, 2)
    small.attention.load_state_dict(
        {
            "in_proj_weight": large.in_proj_weight[:, :8],
            "in_proj_bias": large.in_proj_bias,
            "out_proj.weight": large.out_proj.weight[:8],
            "out_proj.bias": large.out_proj.bias[:8],
        }
    )
    return large, small, torch.randn(2, 3, 8)


PAIRS = pytest.mark.parametrize("pair", [linear_pair, layer_norm_pair, attention_pair])
Pair = Callable[[], tuple[nn.Module, nn.Module, Tensor]]


@PAIRS
def test_equals_the_plain_module(pair: Pair) -> None:
    large, small, x = pair()
    torch.testing.assert_close(large(x), small(x))


@PAIRS
def test_survives_double_and_deepcopy(pair: Pair) -> None:
    large, small, x = pair()
    expected = small.double()(x.double())
    again = copy.deepcopy(large).double()
    torch.testing.assert_close(again(x.double()), expected)
    with torch.no_grad():
        next(iter(large.parameters())).zero_()  # the copy shares nothing with the original
    torch.testing.assert_close(again(x.double()), expected)


@PAIRS
def test_follows_its_weights(pair: Pair) -> None:
    large, _, x = pair()
    before = large(x)
    randomise(large)
    assert not torch.allclose(large(x), before)


@PAIRS
def test_gradients_are_the_plain_ones_and_zero_outside_the_slice(pair: Pair) -> None:
    large, small, x = (part.double() for part in pair())
    large(x).square().sum().backward()
    small(x).square().sum().backward()
    small_gradients = {name.split("attention.")[-1]: p.grad for name, p in small.named_parameters()}
    for name, parameter in large.named_parameters():
        gradient, expected = parameter.grad, small_gradients[name]
        inside = tuple(slice(size) for size in expected.shape)
        torch.testing.assert_close(gradient[inside], expected)
        outside = gradient.clone()
        outside[inside] = 0
        assert outside.abs().max() == 0
        assert expected.abs().max() > 0


def test_linear_without_bias() -> None:
    large = randomise(LinearSuper(8, 6, bias=False))
    large.set_sample_config(5, 4)
    x = torch.randn(3, 5)
    torch.testing.assert_close(large(x), x @ large.weight[:4, :5].T)


def test_full_size_uses_the_weight_itself() -> None:
    large = LinearSuper(8, 6)
    x = torch.randn(3, 8)
    torch.testing.assert_close(large(x), nn.functional.linear(x, large.weight, large.bias))


def test_embedding_cuts_its_vectors() -> None:
    embedding = EmbeddingSuper(10, 8, padding_idx=1)
    tokens = torch.tensor([[1, 4, 9], [1, 1, 2]])
    torch.testing.assert_close(embedding(tokens, 5), embedding.weight[tokens][..., :5])
    torch.testing.assert_close(embedding(tokens), embedding.weight[tokens])
    assert embedding.output_weight(5).shape == (10, 5)
    assert embedding.output_weight(8) is embedding.weight
    assert embedding.weight[1].abs().max() == 0
    embedding(tokens, 5).sum().backward()
    assert embedding.weight.grad[1].abs().max() == 0
    assert embedding.weight.grad[:, 5:].abs().max() == 0
    assert embedding.weight.grad[4, :5].eq(1).all()


def test_cross_attention_is_one_function_in_both_spellings() -> None:
    # Equal widths share one weight, different widths have three: the same numbers must come out.
    joint = randomise(MultiheadAttentionSuper(12, 4, qkv_dim=8))
    apart = MultiheadAttentionSuper(12, 4, memory_dim=10, qkv_dim=8)
    query, key, value = joint.in_proj_weight.chunk(3)
    apart.load_state_dict(
        {
            "q_proj_weight": query,
            "k_proj_weight": key[:, :10],
            "v_proj_weight": value[:, :10],
            "in_proj_bias": joint.in_proj_bias,
            "out_proj.weight": joint.out_proj.weight,
            "out_proj.bias": joint.out_proj.bias,
        }
    )
    x, memory = torch.randn(2, 3, 9), torch.randn(2, 5, 7)
    for attention in (joint, apart):
        attention.set_sample_config(9, 2, memory_dim=7)
    torch.testing.assert_close(joint(x, memory), apart(x, memory))


def test_attention_mask_hides_memory() -> None:
    attention = randomise(MultiheadAttentionSuper(8, 2))
    x, memory = torch.randn(1, 3, 8), torch.randn(1, 5, 8)
    mask = torch.tensor([True, True, False, True, False])[None, None, None]
    hidden = attention(x, memory, mask=mask)
    torch.testing.assert_close(hidden, attention(x, memory[:, [0, 1, 3]]))
    assert not torch.allclose(hidden, attention(x, memory))


def test_initial_weights_are_those_of_fairseq() -> None:
    linear = LinearSuper(300, 500)
    assert linear.bias.abs().max() == 0
    assert linear.weight.abs().max() <= (6 / 800) ** 0.5
    assert linear.weight.std().item() == pytest.approx((2 / 800) ** 0.5, rel=0.02)
    attention = MultiheadAttentionSuper(256, 4, qkv_dim=128)
    assert attention.in_proj_bias.abs().max() == attention.out_proj.bias.abs().max() == 0
    assert attention.in_proj_weight.std().item() == pytest.approx((2 / 640) ** 0.5, rel=0.02)
    embedding = EmbeddingSuper(1000, 256, padding_idx=1)
    assert embedding.weight[2:].std().item() == pytest.approx(1 / 16, rel=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: LinearSuper(8, 6).set_sample_config(9, 4),
            r"LinearSuper: in_features must lie in 1\.\.8, but found 9",
        ),
        (
            lambda: LayerNormSuper(8).set_sample_config(0),
            r"LayerNormSuper: embed_dim must lie in 1\.\.8, but found 0",
        ),
        (
            lambda: EmbeddingSuper(5, 8, 1).output_weight(9),
            r"EmbeddingSuper: embed_dim must lie in 1\.\.8, but found 9",
        ),
        (
            lambda: MultiheadAttentionSuper(8, 2).set_sample_config(8, 3),
            r"qkv_dim \(8\) must be divisible by 3 heads",
        ),
        (
            lambda: MultiheadAttentionSuper(8, 2).set_sample_config(8, 2, memory_dim=9),
            r"MultiheadAttentionSuper: memory_dim must lie in 1\.\.8, but found 9",
        ),
    ],
)
def test_sizes_that_do_not_fit_are_refused(call: Callable[[], None], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        call()


def test_no_attention_that_makes_a_plan_for_every_shape() -> None:
    assert not torch.backends.cuda.cudnn_sdp_enabled()
