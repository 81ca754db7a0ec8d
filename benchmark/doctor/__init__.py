"""Can this profile run on this machine? Asked before anything long, in seconds, without a download.

findings = examine(params)
print("\\n".join(map(str, findings)))
sys.exit(any(finding.blocks for finding in findings))
"""

from benchmark.doctor.examination import examine
from benchmark.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]
