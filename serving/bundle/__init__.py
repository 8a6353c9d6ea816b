"""What lies beside an exported model so that a server needs no other settings."""
