"""Photos: decoding picture files, the frame that is restored, folders, regions and degradation."""
