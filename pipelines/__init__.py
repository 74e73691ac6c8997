"""Ray: batch jobs over buckets of videos."""
