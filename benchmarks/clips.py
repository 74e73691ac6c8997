"""Clips for the speed harness, made from the packaged sample media."""

from __future__ import annotations

from pathlib import Path

import av


def loop_clip(source: Path, target: Path, *, seconds: float) -> Path:
    """Repeat a clip to a length by copying its packets: long, and made in seconds.

    Args:
        source: clip with one video and at most one audio stream.
        target: where to, in the same container.
        seconds: the copy is at least so long.
    """
    length = _length(source)
    with av.open(str(target), "w") as out:
        with av.open(str(source)) as first:
            kinds = {stream.index: out.add_stream_from_template(stream) for stream in first.streams}
        for turn in range(int(-(-seconds // length))):
            with av.open(str(source)) as again:
                for packet in again.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    shift = round(turn * length / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = kinds[packet.stream.index]
                    out.mux(packet)
    return target


def _length(source: Path) -> float:
    """Seconds from the first decoding time to the end of the last packet, so that copies do not overlap."""
    starts, ends = [], []
    with av.open(str(source)) as container:
        for packet in container.demux():
            if packet.dts is not None and packet.pts is not None:
                last = max(packet.dts, packet.pts) + (packet.duration or 0)
                starts.append(float(packet.dts * packet.time_base))
                ends.append(float(last * packet.time_base))
    return max(ends) - min(starts)
