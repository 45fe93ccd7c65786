"""FranNet's network: its config, encoder, feature-map reading, encodings and decoder."""
