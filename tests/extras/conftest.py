"""Tests of the full-size networks: run where their extras are installed (`make test-extras`)."""
