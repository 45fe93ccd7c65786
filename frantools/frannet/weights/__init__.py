"""Weights on disk: safetensors, FranNet's Keras files, the shipped models and their cards."""
