"""``report.html``: a run told in one file that opens anywhere, offline, and asks nobody for anything."""

from mlbmi.write.report.report import REPORT_NAME, write_report

__all__ = ["REPORT_NAME", "write_report"]
