"""Drivers of the MMU's region table and the DMA device, and the handling of external interrupts."""
