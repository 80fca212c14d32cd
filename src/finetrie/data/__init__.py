"""Files become examples: formats, encodings, splits and facts. Works without torch."""
