"""The CPU engine: the only home of Unicorn. Hooks record, the machine's loop acts."""
