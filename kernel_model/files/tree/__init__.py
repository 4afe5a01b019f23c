"""The guest's file tree: file systems in RAM, generated files, and the host directories that lie over them."""
