"""fairseq's Adam in one pass over the weights."""

import math
from collections import defaultdict
from typing import Any

import torch
from fairseq.optim import OPTIMIZER_REGISTRY
from fairseq.optim import adam as fairseq_s
from torch import Tensor


class OnePassAdam(fairseq_s.Adam):  # type: ignore[misc]
    """fairseq's Adam, whose dozen passes over each weight torch's fused kernel makes in one.

    State and results are fairseq's, results within rounding. fairseq adds epsilon to the root of
    the *uncorrected* second moment, torch to that of the corrected one; hence the epsilon that
    the kernel gets, which depends on a weight's number of steps.

    It does not say that it ``supports_step_with_scale``: of one that does, fairseq's mixed
    precision in bf16 keeps the factor of an update for the next one, and gradients fade away. The
    factor comes by ``FairseqAdam.multiply_grads`` instead, which costs no pass either.
    """

    @torch.no_grad()
    def step(self, closure: Any = None, scale: float | Tensor = 1.0) -> Any:
        """Moves all weights that have gradients; ``scale`` divides the gradients."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            by_steps = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_steps[self._count_step(parameter)].append((parameter, parameter.grad))
            for steps, pairs in by_steps.items():
                self._move(pairs, steps, group, scale)
        return loss

    def _count_step(self, parameter: Tensor) -> int:
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        return int(state["step"])

    def _move(
        self,
        pairs: list[tuple[Tensor, Tensor]],
        steps: int,
        group: dict[str, Any],
        scale: float | Tensor,
    ) -> None:
        beta1, beta2 = group["betas"]
        states = [self.state[parameter] for parameter, _ in pairs]
        device = pairs[0][0].device
        count = torch.tensor(float(steps), device=device)
        torch._fused_adamw_(
            [parameter for parameter, _ in pairs],
            [gradient for _, gradient in pairs],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [count] * len(pairs),
            amsgrad=False,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"] / math.sqrt(1 - beta2**steps),
            maximize=False,
            grad_scale=torch.as_tensor(scale, dtype=torch.float32, device=device),
        )


class FairseqAdam(fairseq_s.FairseqAdam):  # type: ignore[misc]
    """``--optimizer adam``: fairseq's, with ``OnePassAdam`` inside.

    Dividing the gradients by the number of tokens and clipping them are factors that the one pass
    applies. ``--use-old-adam`` takes fairseq's own step. The name is that of the class in a
    checkpoint, so trainings that began with the one go on with the other.
    """

    def __init__(self, cfg: Any, params: Any) -> None:
        params = list(params)
        super().__init__(cfg, params)
        self._factor: float | Tensor = 1.0
        plain = type(self.optimizer) is fairseq_s.Adam and not getattr(cfg, "use_old_adam", False)
        self._is_fused = plain and all(parameter.dtype == torch.float32 for parameter in params)
        if self._is_fused:
            self._optimizer = OnePassAdam(params, **self.optimizer_config)

    def multiply_grads(self, c: float | Tensor) -> None:
        """Multiplies the gradients by ``c``, in ``step``."""
        if self._is_fused:
            self._factor = self._factor * c
        else:
            super().multiply_grads(c)

    def clip_grad_norm(self, max_norm: float, aggregate_norm_fn: Any = None) -> Tensor:
        """Shortens the gradients, in ``step``, to a joint norm of ``max_norm`` if that is not 0.

        Returns:
            Their joint norm before.
        """
        if not self._is_fused:
            norm: Tensor = super().clip_grad_norm(max_norm, aggregate_norm_fn)
            return norm
        # fairseq's starts a kernel for each weight, and on a GPU's machine uses the GPU in any case
        gradients = [each.grad for each in self.params if each.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if aggregate_norm_fn is not None:
            norm = aggregate_norm_fn(norm)
        norm = self._factor * norm
        if max_norm > 0:
            self._factor = self._factor * (max_norm / (norm + 1e-6)).clamp(max=1)
        return norm

    def step(self, closure: Any = None, scale: float | Tensor = 1.0, groups: Any = None) -> None:
        """Moves the weights by gradients divided by ``scale``."""
        if self._is_fused:
            self.optimizer.step(closure, scale=scale / self._factor)
            self._factor = 1.0
        else:
            super().step(closure, scale, groups)

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        self._factor = 1.0
        super().zero_grad()


OPTIMIZER_REGISTRY["adam"] = FairseqAdam
