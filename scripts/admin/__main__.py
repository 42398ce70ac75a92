"""Run the command line."""

import sys

from scripts.admin import main

sys.exit(main())
