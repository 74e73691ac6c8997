"""Perception: stages that turn a clip into signals."""
