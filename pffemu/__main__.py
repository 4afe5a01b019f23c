"""python -m pffemu"""

import sys

from pffemu.cli.app import main

sys.exit(main())
