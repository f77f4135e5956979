"""The perceptron of HAT's latency predictor."""

from torch import Tensor, nn
from torch.nn import functional as F


class LatencyMlp(nn.Module):
    """Linear layers with ReLU between; parameter names are HAT's, so its files load."""

    def __init__(self, feature_dim: int, hidden_dim: int, hidden_layer_num: int) -> None:
        super().__init__()
        self.first_layer = nn.Linear(feature_dim, hidden_dim)
        self.layers = nn.ModuleList(
            nn.Linear(hidden_dim, hidden_dim) for _ in range(hidden_layer_num)
        )
        self.predict = nn.Linear(hidden_dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, feature_dim), scaled -> (N,) latency over ``lat_norm``."""
        x = F.relu(self.first_layer(x))
        for layer in self.layers:
            x = F.relu(layer(x))
        output: Tensor = self.predict(x)
        return output.squeeze(-1)
