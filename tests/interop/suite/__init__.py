"""What the interoperability cases stand on."""
