"""Drivers of the MMU's region table, the DMA device, and the interrupts they ask for."""
