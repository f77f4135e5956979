"""The SuperTransformer: one set of weights that holds every SubTransformer of a search space."""

from torch import Tensor, nn

from hat.arch.config import DecoderConfig, EncoderConfig, SubTransformerConfig
from hat.models.config import SuperTransformerConfig
from hat.models.decoder import SuperDecoder
from hat.models.encoder import SuperEncoder
from hat.models.flops import num_params
from hat.modules.embedding import EmbeddingSuper


class SuperTransformer(nn.Module):
    """A Transformer that runs as any of its SubTransformers (HAT, ACL 2020, section 3.1).

    A SubTransformer uses the first rows and columns of each weight and the first layers. The
    function is HAT's, so its published checkpoints load and give the same numbers.

    Args:
        config: full sizes and options.
        size: the architecture to hold weights for; the largest if None. ``extract`` builds
            models of a smaller size. They keep ``config``, which decides what a smaller
            architecture computes: the frequencies of its sinusoids, the scale of its embeddings
            and dropout, and how many skipped encoder layers a span counts.
    """

    def __init__(
        self, config: SuperTransformerConfig, *, size: SubTransformerConfig | None = None
    ) -> None:
        super().__init__()
        if size is not None:
            config.check(size)
        self.config = config
        self.size = config.largest_arch() if size is None else size
        encoder, decoder = self.size.encoder, self.size.decoder
        if config.share_all_embeddings:
            width = max(encoder.embed_dim, decoder.embed_dim)
            src_embed = EmbeddingSuper(config.src_vocab_size, width, config.padding_idx)
            tgt_embed = src_embed
        else:
            src_embed = EmbeddingSuper(config.src_vocab_size, encoder.embed_dim, config.padding_idx)
            tgt_embed = EmbeddingSuper(config.tgt_vocab_size, decoder.embed_dim, config.padding_idx)
        self.encoder = self.build_encoder(src_embed, size=encoder)
        self.decoder = self.build_decoder(
            tgt_embed, size=decoder, encoder_embed_dim=encoder.embed_dim
        )
        self.arch = self.size

    def build_encoder(self, embed_tokens: EmbeddingSuper, *, size: EncoderConfig) -> SuperEncoder:
        """Builds the encoder; a subclass may build another kind."""
        return SuperEncoder(self.config, embed_tokens, size=size)

    def build_decoder(
        self, embed_tokens: EmbeddingSuper, *, size: DecoderConfig, encoder_embed_dim: int
    ) -> SuperDecoder:
        """Builds the decoder; a subclass may build another kind."""
        return SuperDecoder(
            self.config, embed_tokens, size=size, encoder_embed_dim=encoder_embed_dim
        )

    def set_sample_config(self, arch: SubTransformerConfig) -> None:
        """Chooses the SubTransformer that the next passes run.

        Raises:
            ConfigError: if this model does not hold it; then nothing has changed.
        """
        self.config.check(arch, within=self.size)
        self.encoder.set_sample_config(arch.encoder)
        self.decoder.set_sample_config(arch.decoder, arch.encoder.embed_dim)
        self.arch = arch

    def forward(
        self, src_tokens: Tensor, src_lengths: Tensor | None, prev_output_tokens: Tensor
    ) -> Tensor:
        """Runs the SubTransformer with teacher forcing.

        Args:
            src_tokens: (B, S) int64, padded on either side.
            src_lengths: (B,) int64, or None; part of fairseq's interface, not needed.
            prev_output_tokens: (B, T) int64, the target shifted right.

        Returns:
            Logits (B, T, V).
        """
        encoder_out = self.encoder(src_tokens, src_lengths)
        return self.decoder(prev_output_tokens, encoder_out)  # type: ignore[no-any-return]

    def num_params(self, arch: SubTransformerConfig, *, include_embeddings: bool = False) -> int:
        """Counts the parameters of ``arch`` without touching the model; see ``flops``."""
        return num_params(self.config, arch, include_embeddings=include_embeddings)
