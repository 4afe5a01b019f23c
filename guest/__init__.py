"""Programs that run inside the machine, and the data they work on."""
