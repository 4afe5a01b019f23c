"""Facts from Intel's manual and from PFF-UINTR: numbers and layouts, no behaviour."""
