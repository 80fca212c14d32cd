"""The command line: each command parses, makes one call of `finetrie.steps`, and prints one thing."""
