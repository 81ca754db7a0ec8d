"""A hub on loopback: the part of its HTTP protocol that fetching uses, over repositories made by tests.

with HubServer() as server:
    repository = server.publish(Repository("dataset", "owner/name", {"README.md": b"..."}))
    os.environ["HF_ENDPOINT"] = server.endpoint
"""

from tests.hub_server.repository import Repository
from tests.hub_server.server import Fault, HubServer

__all__ = ["Fault", "HubServer", "Repository"]
