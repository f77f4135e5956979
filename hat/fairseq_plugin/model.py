"""The SuperTransformer as a fairseq model: registered names, options, sampling per update."""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fairseq import utils
from fairseq.models import (
    BaseFairseqModel,
    FairseqIncrementalDecoder,
    register_model,
    register_model_architecture,
)
from torch import Tensor

from hat.arch.config import DecoderConfig, EncoderConfig, SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, arch_options, space_from_options
from hat.arch.model_options import (
    ARCHITECTURES,
    add_model_options,
    with_architecture,
)
from hat.arch.space import SearchSpace
from hat.errors import DataError
from hat.fairseq_plugin.dictionaries import note_dictionaries
from hat.fairseq_plugin.recipe import (
    INIT,
    Recipe,
    add_recipe_options,
    inherited_weights,
    network_config,
    recipe_of,
)
from hat.models.checkpoint import EXTRACTED
from hat.models.config import SuperTransformerConfig
from hat.models.decoder import DecoderCache, SuperDecoder
from hat.models.encoder import EncoderOutput, SuperEncoder
from hat.models.super_transformer import SuperTransformer
from hat.modules.embedding import EmbeddingSuper
from hat.modules.vocabulary_loss import Teacher, VocabularyLoss, vocabulary_loss
from hat.sampling.uniform import Uniform
from hat.settings import NoSettings

IncrementalState = dict[str, Any]


@dataclass(frozen=True)
class LossOf:
    """Asks a model for its loss on a batch; see ``vocabulary_loss``."""

    target: Tensor
    """(B, T) int64."""

    smoothing: float
    """Probability that the smoothed target takes from the right word."""

    ignored_prefix: int = 0
    """Leading target tokens that do not count."""

    count_correct: bool = False
    """Whether to count the tokens whose likeliest word is the target."""

    teacher: Teacher | None = None
    """Whose words count beside the target, if somebody's do."""


class FairseqSuperEncoder(SuperEncoder):
    """``SuperEncoder`` with the methods that fairseq's generator calls."""

    def forward_torchscript(self, net_input: dict[str, Tensor]) -> EncoderOutput:
        """Encodes the source side of a fairseq batch."""
        output: EncoderOutput = self(net_input["src_tokens"], net_input["src_lengths"])
        return output

    def reorder_encoder_out(self, encoder_out: EncoderOutput, new_order: Tensor) -> EncoderOutput:
        """Returns the sentences of ``encoder_out`` in ``new_order``, repeats included."""
        return encoder_out.index_select(new_order)

    def max_positions(self) -> int:
        """Longest source sentence in tokens."""
        return self.config.max_source_positions


class _DecoderBase(FairseqIncrementalDecoder):
    """Gives ``FairseqIncrementalDecoder`` a constructor without arguments.

    fairseq decodes step by step only what is an instance of ``FairseqIncrementalDecoder``.
    """

    def __init__(self) -> None:
        super().__init__(None)


class FairseqSuperDecoder(SuperDecoder, _DecoderBase):
    """``SuperDecoder`` whose key/value cache lives in fairseq's incremental state."""

    _CACHE = "hat_cache"

    def forward(  # type: ignore[override]
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOutput,
        incremental_state: IncrementalState | None = None,
        **_: Any,
    ) -> tuple[Tensor, None]:
        """Returns logits (B, T, V), of the new tokens only when a state is given, and None."""
        cache = None
        if incremental_state is not None:
            cache = incremental_state.setdefault(self._CACHE, DecoderCache())
        return SuperDecoder.forward(self, prev_output_tokens, encoder_out, cache), None

    def reorder_incremental_state_scripting(
        self, incremental_state: IncrementalState, new_order: Tensor
    ) -> None:
        """Reorders the cached hypotheses after a step of beam search.

        fairseq moves hypotheses between sentences only when it drops finished sentences, and
        then the batch shrinks.
        """
        cache = incremental_state.get(self._CACHE)
        if cache is not None and cache.layers:
            keys = cache.layers[0].self_key
            cache.reorder(new_order, same_sources=len(new_order) == keys.size(0))

    def max_positions(self) -> int:
        """Longest target sentence in tokens."""
        return self.config.max_target_positions


@register_model("transformersuper")
class TransformerSuperModel(SuperTransformer, BaseFairseqModel):
    """A SuperTransformer that draws the SubTransformers of each update while it is trained.

    The draw of update t depends on (seed, t) alone: it is the same on every worker, and a
    resumed training repeats the draws of an uninterrupted one. The model is set to the first of
    them; ``hat.fairseq_plugin.task`` runs the others as well.
    """

    gives_losses = True
    """``forward`` takes ``loss_of``; read through whatever wraps the model."""

    validates_average = False
    """Whether a validation runs the moving average in the model's place."""

    def __init__(
        self,
        config: SuperTransformerConfig,
        *,
        space: SearchSpace | None = None,
        arch: SubTransformerConfig | None = None,
        size: SubTransformerConfig | None = None,
        seed: int = 1,
        recipe: Recipe | None = None,
    ) -> None:
        """Builds the model.

        Args:
            config: the shape of the SuperTransformer.
            space: what to draw from during training; None trains one fixed architecture.
            arch: the architecture to start with; defaults to the largest one.
            size: what to hold weights for; see ``SuperTransformer``.
            seed: seed of the draws.
            recipe: what an update trains, and on what; HAT's by default.
        """
        super().__init__(config, size=size)
        self.space = space
        self.seed = seed
        self._drawn_for_training = False
        self.recipe = recipe
        self.drawn: tuple[SubTransformerConfig, ...] = ()
        """What the update that comes next trains; nothing where one architecture is trained."""

        self._drawn_for: int | None = None
        if space is not None:
            self.recipe = recipe or Recipe(sampling=Uniform(NoSettings(), space))
            for extreme in (space.largest(), space.smallest()):
                self.set_sample_config(extreme)
            arch = arch or space.largest()
        if arch is not None:
            self.set_sample_config(arch)

    def build_encoder(self, embed_tokens: EmbeddingSuper, *, size: EncoderConfig) -> SuperEncoder:
        """Builds the encoder with fairseq's methods on it."""
        return FairseqSuperEncoder(self.config, embed_tokens, size=size)

    def build_decoder(
        self, embed_tokens: EmbeddingSuper, *, size: DecoderConfig, encoder_embed_dim: int
    ) -> SuperDecoder:
        """Builds the decoder with fairseq's methods on it."""
        return FairseqSuperDecoder(
            self.config, embed_tokens, size=size, encoder_embed_dim=encoder_embed_dim
        )

    @staticmethod
    def add_args(parser: argparse.ArgumentParser) -> None:
        """Adds HAT's model options."""
        add_model_options(parser)
        parser.add_argument(
            "--train-subtransformer",
            action="store_true",
            default=False,
            help="train the one SubTransformer that the *-subtransformer options describe",
        )
        add_recipe_options(parser)

    @classmethod
    def build_model(cls, args: argparse.Namespace, task: Any) -> "TransformerSuperModel":
        """Builds the model from fairseq's options and the task's dictionaries.

        Digests of the dictionaries join the options, and so every checkpoint.

        Raises:
            ConfigError: if the options contradict each other or name no search space.
        """
        note_dictionaries(args, task)
        options = vars(args)
        config = network_config(options, task)
        space, arch, size, recipe = None, None, None, None
        if options.get(EXTRACTED) or options.get("train_subtransformer"):
            given = arch_options(options)
            arch = arch_from_mapping(given, "--train-subtransformer")
            size = arch if options.get(EXTRACTED) else None
        else:
            space = space_from_options(options, "the SuperTransformer's options")
            recipe = recipe_of(options, space, config)
        seed = int(options.get("seed", 1))
        model = cls(config, space=space, arch=arch, size=size, seed=seed, recipe=recipe)
        for side, dictionary in (
            ("encoder", task.source_dictionary),
            ("decoder", task.target_dictionary),
        ):
            path = options.get(f"{side}_embed_path")
            if path:
                _load_embeddings(path, dictionary, getattr(model, side).embed_tokens)
        supernet = options.get(INIT.replace("-", "_"))
        if supernet:
            model.load_state_dict(inherited_weights(supernet, config, task))
        model.validates_average = bool(options.get("validate_ema"))
        return model

    def set_num_updates(self, num_updates: int) -> None:
        """Tells the model which update comes next, and draws that update's SubTransformers."""
        super().set_num_updates(num_updates)
        if self.recipe is not None and self.training:
            if num_updates != self._drawn_for:
                rng = np.random.default_rng((self.seed, num_updates))
                self.drawn = self.recipe.sampling.draw(num_updates, rng)
                self._drawn_for = num_updates
            self.train_as(self.drawn[0])

    def train_as(self, arch: SubTransformerConfig) -> None:
        """Selects a SubTransformer of an update's draw."""
        self.set_sample_config(arch)
        self._drawn_for_training = True

    def set_sample_config(self, arch: SubTransformerConfig) -> None:
        """Selects the SubTransformer that runs from now on."""
        super().set_sample_config(arch)
        self._drawn_for_training = False

    def forward(  # type: ignore[override]
        self,
        src_tokens: Tensor,
        src_lengths: Tensor,
        prev_output_tokens: Tensor,
        loss_of: LossOf | None = None,
        **_: Any,
    ) -> tuple[Tensor, None] | VocabularyLoss:
        """Returns teacher-forced logits (B, T, V) and None, the shape of fairseq's outputs.

        With ``loss_of`` it returns the losses instead, and there are never logits of the whole
        batch.

        A draw is for training only: in evaluation mode the largest SubTransformer takes its
        place, so that a plain fairseq task validates the same network every time.
        """
        if self._drawn_for_training and not self.training and self.space is not None:
            self.set_sample_config(self.space.largest())
        encoder_out = self.encoder(src_tokens, src_lengths)
        if loss_of is None:
            logits, extra = self.decoder(prev_output_tokens, encoder_out)
            return logits, extra
        features = self.decoder.extract_features(prev_output_tokens, encoder_out)
        return vocabulary_loss(
            features[:, loss_of.ignored_prefix :],
            self.decoder.output_weight,
            loss_of.target[:, loss_of.ignored_prefix :],
            smoothing=loss_of.smoothing,
            ignore_index=self.config.padding_idx,
            count_correct=loss_of.count_correct,
            teacher=loss_of.teacher,
        )

    def features_of(
        self, net_input: dict[str, Tensor], target: Tensor, ignored_prefix: int = 0
    ) -> Tensor:
        """Returns what the output layer gets of the tokens that count, (N, E)."""
        encoder_out = self.encoder(net_input["src_tokens"], net_input["src_lengths"])
        features = self.decoder.extract_features(net_input["prev_output_tokens"], encoder_out)
        counts = target[:, ignored_prefix:].ne(self.config.padding_idx)
        return features[:, ignored_prefix:][counts]

    def get_normalized_probs(
        self, net_output: tuple[Tensor, None], log_probs: bool, sample: Any = None
    ) -> Tensor:
        """Returns (log-)probabilities (B, T, V) in float32."""
        logits = net_output[0].float()
        return logits.log_softmax(dim=-1) if log_probs else logits.softmax(dim=-1)

    def max_positions(self) -> tuple[int, int]:
        """Longest source and target in tokens."""
        return self.config.max_source_positions, self.config.max_target_positions

    def max_decoder_positions(self) -> int:
        """Longest target in tokens."""
        return self.config.max_target_positions

    @torch.jit.unused
    def get_targets(self, sample: dict[str, Any], net_output: Any) -> Tensor:
        """Returns the target tokens (B, T) of a batch."""
        target: Tensor = sample["target"]
        return target


def _load_embeddings(path: str, dictionary: Any, embeddings: torch.nn.Embedding) -> None:
    """Copies a text file's vectors of the words of ``dictionary``.

    Raises:
        DataError: if the file is no such table, its vectors are of another width, or none of
            them is a word's of the dictionary.
    """
    try:
        table = utils.parse_embedding(path)
        utils.load_embedding(table, dictionary, embeddings)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RuntimeError):  # RuntimeError: torch's, of unequal widths
        raise DataError(
            f"{path}: expected a line for each word, with {embeddings.embedding_dim} numbers "
            "behind it"
        ) from None
    if table.keys().isdisjoint(dictionary.symbols):
        raise DataError(f"{path}: holds no word of the dictionary, behind its first line")


def _register(name: str) -> None:
    def set_defaults(args: argparse.Namespace) -> None:
        vars(args).update(with_architecture(vars(args), name))

    register_model_architecture("transformersuper", name)(set_defaults)


for _name in ARCHITECTURES:
    _register(_name)
