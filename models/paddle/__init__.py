"""PaddleOCR in a process of its own: paddle and torch each bring CUDA libraries, which do not share one."""
