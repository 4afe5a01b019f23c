"""Hostile guests: whatever they ask of the kernel, the host process neither crashes, hangs, grows, nor opens a file."""
