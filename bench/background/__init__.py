"""Runs in the background: how fast they are acknowledged, and how soon after that they start."""
