"""Accuracy and speed harnesses; they write the tables that the README shows."""
