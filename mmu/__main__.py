"""`python -m mmu` is `mmu`."""

import sys

from mmu.cli import main

sys.exit(main())
