"""The stages of the pipeline. Importing this package turns off telemetry of the libraries used."""

import os

for _switch in ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_switch, "1")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
