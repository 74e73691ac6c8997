"""Search over reports: words, concepts and meaning, fused; by example too."""
