"""HAT's YAML for a tiny network: its sizes, the choices of its space, one SubTransformer."""

NETWORK = """\
encoder-embed-dim: 32
decoder-embed-dim: 32
encoder-ffn-embed-dim: 48
decoder-ffn-embed-dim: 48
encoder-layers: 2
decoder-layers: 3
encoder-attention-heads: 4
decoder-attention-heads: 4
qkv-dim: 32
"""

CHOICES = """\
encoder-embed-choice: [32, 16]
decoder-embed-choice: [32, 16]
encoder-ffn-embed-dim-choice: [48, 24]
decoder-ffn-embed-dim-choice: [48, 24]
encoder-layer-num-choice: [2]
decoder-layer-num-choice: [3, 2, 1]
encoder-self-attention-heads-choice: [4, 2]
decoder-self-attention-heads-choice: [4, 2]
decoder-ende-attention-heads-choice: [4, 2]
decoder-arbitrary-ende-attn-choice: [-1, 1]
"""

SUB = """\
encoder-embed-dim-subtransformer: 16
decoder-embed-dim-subtransformer: 32
encoder-ffn-embed-dim-all-subtransformer: [48, 24]
decoder-ffn-embed-dim-all-subtransformer: [24, 48]
encoder-layer-num-subtransformer: 2
decoder-layer-num-subtransformer: 2
encoder-self-attention-heads-all-subtransformer: [4, 2]
decoder-self-attention-heads-all-subtransformer: [2, 4]
decoder-ende-attention-heads-all-subtransformer: [4, 4]
decoder-arbitrary-ende-attn-all-subtransformer: [1, -1]
"""
