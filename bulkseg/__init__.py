"""bulkseg: provisions Oracle Eloqua contact segments in bulk, never one twice, never an id lost."""
