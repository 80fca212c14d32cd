"""Encoders of the BERT family: found or built, trained on labelled rows, and read back as labels and entities."""
