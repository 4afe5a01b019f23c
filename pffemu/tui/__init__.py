"""The terminal debugger: panes and keys over pffemu.debug (extra: tui)."""
