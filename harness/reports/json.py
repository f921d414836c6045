"""Results as JSON, version 1."""

from __future__ import annotations

import msgspec

from harness.reports import Results, ordered

SCHEMA_VERSION = 1


def json_report(results: Results) -> bytes:
    """`{schema_version, cells: [{id, language, scenario, state, seconds, findings: […]}], builds: […], gateways}`."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "cells": ordered(results.cells),
        "builds": results.builds,
        "gateways": results.gateways,
        "seconds": round(results.seconds, 3),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
