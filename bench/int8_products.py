"""Which 8-bit weights are fast and right in ONNX Runtime on this processor?

    OMP_NUM_THREADS=1 python bench/int8_products.py [--rows 5] [--in 512] [--out 3072]

Times and errors of one product with signed or unsigned weights, one scale for all or one for each
output, over the full range (127) or half of it (63). Inputs are unsigned, as ONNX's dynamic
quantisation makes them. Times are CPU time, the best of some tens; they are given as multiples of
that of the variant which hat writes. Errors are the largest difference to float32 in standard
deviations of the output. As if on a processor with AVX2 only, without VNNI instructions (errors
only; times of an emulator say nothing):

    qemu-x86_64 -cpu Haswell .venv/bin/python bench/int8_products.py --out 512 --repeats 1
"""

import argparse
import time
from itertools import product
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

import hat.engines.onnx_files  # noqa: F401  (switches telemetry off)

OURS = ("signed", "each output", 63)


def session(weight: Any, kind: str, scales: str, levels: int) -> Any:
    """A graph with one product; weight: (in, out)."""
    largest = np.abs(weight).max(axis=0 if scales == "each output" else None)
    scale = np.asarray(largest / levels, dtype=np.float32)
    rounded, offset = np.rint(weight / scale), 0 if kind == "signed" else 128
    values = (rounded + offset).astype(np.int8 if kind == "signed" else np.uint8)
    zero = np.full(scale.shape, offset, dtype=values.dtype)
    tensors = [
        helper.make_tensor(
            name, helper.np_dtype_to_tensor_dtype(each.dtype), each.shape, each.tobytes(), raw=True
        )
        for name, each in (("w", values), ("s", scale), ("z", zero))
    ]
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]),
        helper.make_node("MatMulInteger", ["xq", "w", "xz", "z"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["xs", "s"], ["scale"]),
        helper.make_node("Mul", ["floats", "scale"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", size])
        for name, size in zip("xy", weight.shape, strict=True)
    ]
    graph = helper.make_graph(nodes, "product", ends[:1], ends[1:], tensors)
    opset = helper.make_opsetid("", 20)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5)
    parser.add_argument("--in", type=int, default=512, dest="inputs")
    parser.add_argument("--out", type=int, default=3072)
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    weight = (0.05 * rng.standard_normal((options.inputs, options.out))).astype(np.float32)
    x = rng.standard_normal((options.rows, options.inputs)).astype(np.float32)
    right = x @ weight
    variants = list(product(("signed", "unsigned"), ("one", "each output"), (127, 63)))
    sessions = {variant: session(weight, *variant) for variant in variants}
    best = dict.fromkeys(variants, float("inf"))
    for _ in range(options.repeats):
        for variant, each in sessions.items():
            started = time.process_time()
            for _ in range(5):
                each.run(None, {"x": x})
            best[variant] = min(best[variant], (time.process_time() - started) / 5)
    print("| weights | scales | largest | time | error |\n|---|---|---|---|---|")
    for variant, each in sessions.items():
        error = np.abs(each.run(None, {"x": x})[0] - right).max() / right.std()
        kind, scales, levels = variant
        print(f"| {kind} | {scales} | {levels} | {best[variant] / best[OURS]:.2f} | {error:.3f} |")


if __name__ == "__main__":
    main()
