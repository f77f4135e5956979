"""The array types that most signatures use; the docstrings beside them say the shapes."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
"""What networks are fed."""

Ints = NDArray[np.int64]
Ints32 = NDArray[np.int32]
Rows = NDArray[np.intp]
"""Places of rows."""
