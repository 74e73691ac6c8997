"""Features of videos for models of what people like, and a baseline that predicts clicks."""
