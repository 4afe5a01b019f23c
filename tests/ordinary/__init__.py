"""Writes and checks the table of ordinary instructions (pffemu/hw/ordinary_table.py) by the decoders it stands for.

python -m tests.ordinary                 # compare random blocks with the decoders, until interrupted
python -m tests.ordinary --write         # the table anew, after a change of hw.careful or asm.timing_class
"""
