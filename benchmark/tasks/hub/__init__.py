"""Real datasets: from a hub, pinned by commit, or from local files; one template each.

    load_dataset("boolq", HubDataset(...)) -> Dataset

To add a dataset, write its template into `templates/` (or use `multiple_choice` or `question_answer`), and an entry of
`datasets` in the parameters.
"""

from benchmark.tasks.hub import templates  # noqa: F401 (imported for their registration)
from benchmark.tasks.hub.loading import load_dataset
from benchmark.tasks.hub.template import TEMPLATES, Rendered, Template, get_template

__all__ = ["TEMPLATES", "Rendered", "Template", "get_template", "load_dataset"]
