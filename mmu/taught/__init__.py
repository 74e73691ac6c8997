"""New concepts from a handful of examples, without any training run (`mmu teach`)."""
