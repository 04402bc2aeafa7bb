"""One closed writer per target tool."""
