"""Networks that run on PyTorch: arrays in, arrays out. Importing this package does not import torch."""
