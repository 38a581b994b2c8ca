"""`python -m proactivectl`."""

import sys

from proactivectl.app import main

sys.exit(main())
