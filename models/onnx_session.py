"""Open an ONNX network with the threads it was given and no more, on the CPU or where it is placed."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from models.errors import ModelError
from models.onnx_place import current, record


def open_session(
    network: Path | str | bytes, *, threads: int, arena: bool = True, pattern: bool = True
) -> onnxruntime.InferenceSession:
    """A session of ONNX Runtime, on the device of `models.onnx_place.placed` (default: the CPU).

    Args:
        network: file, or the network itself.
        threads: for the work inside one operator; operators run one after another.
        arena: keep freed memory for later runs; without it the largest batch is not held for ever.
        pattern: plan memory per input size; not worth it where sizes keep changing.

    Raises:
        ModelError: the file is missing, ONNX Runtime refuses it, or does not use the device.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = arena
    options.enable_mem_pattern = pattern
    options.log_severity_level = 3
    # Stages share the cores: a waiting thread must not burn one.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    source = network if isinstance(network, bytes) else str(network)
    name = "network" if isinstance(network, bytes) else str(network)
    place = current()
    options.use_deterministic_compute = place.deterministic
    try:
        session = onnxruntime.InferenceSession(
            source, options, providers=place.providers(), enable_fallback=0
        )
    except Exception as error:  # ONNX Runtime's errors have no public base class
        where = "" if place.kind == "cpu" else f" on {place}"
        raise ModelError(f"{name}: not a network that ONNX Runtime can run{where}: {error}") from error
    used = session.get_providers()
    place.verify(used)
    record(used)
    return session
