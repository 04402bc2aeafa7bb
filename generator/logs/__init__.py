"""Production inputs come in: read, recognise, redact."""
