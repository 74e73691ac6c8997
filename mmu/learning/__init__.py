"""Learning from reviewers: their verdicts refit the numbers of the fusion and of the moderation rules."""
