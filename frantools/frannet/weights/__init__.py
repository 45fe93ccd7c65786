"""Weight files: safetensors, FranNet's Keras files and configs, and the shipped models."""
